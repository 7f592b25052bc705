"""Files that become part of the process may be changed by nobody but its user and root."""

import os
import stat
from pathlib import Path

from common.settings import SettingsError

VARIABLE = "CHATTRAIL_SIDECAR_PLUGINS_DIR"


def require_own(path: Path) -> None:
    """Raises SettingsError when somebody else could put code of theirs at this path. Links must be resolved already."""
    if os.name != "posix":
        return
    about = path.stat()
    if about.st_uid not in (0, os.geteuid()):
        raise SettingsError(
            f"{VARIABLE}: {path} belongs to user {about.st_uid}, who could change what runs as this process "
            f"(user {os.geteuid()}): chown it, or copy it to a folder of this user"
        )
    if about.st_mode & stat.S_IWOTH:
        raise SettingsError(
            f"{VARIABLE}: everybody may write to {path}, and plugins run as this process: chmod o-w {path}"
        )
    for folder in path.parents:  # a user who may rename a folder may replace it, unless it is sticky as /tmp is
        about = folder.stat()
        if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
            raise SettingsError(
                f"{VARIABLE}: everybody may replace what is in {folder}, {path} too: chmod o-w {folder}"
            )
