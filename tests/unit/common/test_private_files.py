"""A folder of an earlier release, whose files others could read, is its owner's alone from the next start on."""

import asyncio
import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from common.private_files import private_folder
from stack import commands
from stack.process import StackError
from stack.settings import StackSettings


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Path]:
    """A data/run with open rights, and a link to a file outside."""
    folder = tmp_path / "data" / "run"
    (folder / "clickhouse" / "store").mkdir(parents=True)
    for path in (folder, folder / "clickhouse", folder / "clickhouse" / "store"):
        path.chmod(0o755)
    for name, mode in {"secrets.json": 0o600, "clickhouse/store/part.bin": 0o644, "program": 0o775}.items():
        (folder / name).write_text("{}")
        (folder / name).chmod(mode)
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o644)
    (folder / "link").symlink_to(outside)
    (folder / "nowhere").symlink_to(tmp_path / "missing")
    yield folder
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


NARROW = {
    ".": 0o700,
    "clickhouse": 0o700,
    "clickhouse/store": 0o700,
    "clickhouse/store/part.bin": 0o600,
    "program": 0o700,
    "secrets.json": 0o600,
}


def test_files_of_an_earlier_release_are_narrowed(earlier: Path) -> None:
    private_folder(earlier)
    assert {name: mode for name, mode in modes(earlier).items() if name not in ("link", "nowhere")} == NARROW


def test_a_new_folder_is_its_owners(tmp_path: Path) -> None:
    private_folder(tmp_path / "data" / "run")
    assert modes(tmp_path / "data" / "run") == {".": 0o700}


def test_run_narrows_its_folder_before_anything_starts(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path) -> None:
        raise StackError("far enough")

    monkeypatch.setattr(commands, "load_or_make", stop)
    settings = StackSettings.load({"BOT_TOKEN": "42:TEST", "CHATTRAIL_STACK_DATA": str(earlier.parent)})
    out = io.StringIO()
    assert asyncio.run(commands.run(settings, Console(file=out), "run")) == 1
    assert "far enough" in out.getvalue()
    assert modes(earlier)["clickhouse/store/part.bin"] == 0o600


def test_what_belongs_to_somebody_else_is_named(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ValueError, match="run belongs to another user: start as that one"):
        private_folder(earlier)
