"""Documents name no file or folder that is not there."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
FOLDERS = {parent.as_posix() for name in TRACKED for parent in Path(name).parents}
TOP = {name.partition("/")[0] for name in TRACKED if "/" in name}
BUILT = {"web/static"}
DOCUMENTS = [name for name in TRACKED if name.endswith(".md") and name != "CHANGELOG.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_in_backticks_are_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.-]+(?:/[\w.*-]+)*/?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    paths = {name for name in named if name.partition("/")[0] in TOP and "/" in name and "*" not in name} - BUILT
    missing = {path for path in paths if path.rstrip("/") not in FOLDERS and path not in TRACKED}
    files = {name for name in named if re.fullmatch(r"[\w-]+\.(?:py|sql|html)", name)}
    missing |= files - {Path(name).name for name in TRACKED}
    assert not missing
