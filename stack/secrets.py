"""Passwords and keys of a one-machine installation: made once, kept in a file that only its owner can read."""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Secrets:
    """Everything secret that the parts share. `web_password` is for a person; the rest is between processes."""

    clickhouse_password: str
    clickhouse_readonly_password: str
    clickhouse_saving_password: str
    web_secret_key: str
    web_password: str
    web_password_hash: str
    api_token: str

    @property
    def api_token_hash(self) -> str:
        """What the web part is given instead of the token itself."""
        return hashlib.sha256(self.api_token.encode()).hexdigest()


def load_or_make(path: Path) -> Secrets:
    """Read the secrets, or make them on the first run. Raises ValueError when the file is not what was written."""
    if path.exists():
        try:
            return _completed(path, json.loads(path.read_text()))
        except (TypeError, ValueError):
            raise ValueError(f"{path} is damaged: restore it, or delete the whole folder to begin anew") from None
    password = secrets.token_urlsafe(12)
    made = Secrets(
        clickhouse_password=secrets.token_urlsafe(24),
        clickhouse_readonly_password=secrets.token_urlsafe(24),
        clickhouse_saving_password=secrets.token_urlsafe(24),
        web_secret_key=secrets.token_urlsafe(48),
        web_password=password,
        web_password_hash=_hash(password),
        api_token=secrets.token_urlsafe(32),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, made)
    return made


def _completed(path: Path, known: dict[str, str]) -> Secrets:
    """What the file has, and what a release that wrote it did not know yet."""
    new = {"clickhouse_saving_password": secrets.token_urlsafe(24)}
    found = Secrets(**(new | known))
    if asdict(found) != known:
        part = path.with_suffix(".new")
        part.unlink(missing_ok=True)
        _write(part, found)
        part.replace(path)
    return found


def _write(path: Path, made: Secrets) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file, indent=2)


def _hash(password: str) -> str:
    """Ask the web part for the hash: how passwords are hashed is its business."""
    command = [sys.executable, "-m", "web", "hash-password"]
    done = subprocess.run(command, input=f"{password}\n", capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip().splitlines()[-1]
