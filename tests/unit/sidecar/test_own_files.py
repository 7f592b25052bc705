"""A folder of plugins that somebody else can write to is refused: what lies in it runs as the sidecar."""

import os
from pathlib import Path

import pytest

from common.settings import SettingsError
from sidecar.registry import available

PLUGIN = "FACTORY = None\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "around" / "plugins"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    (folder / "payments.py").write_text(PLUGIN)
    (folder / "payments.py").chmod(0o644)
    return folder


def somebody_elses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)


def refusal(folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        available(folder)
    return str(caught.value)


def test_an_own_folder_is_taken(folder: Path) -> None:
    assert "payments" in available(folder)
    folder.chmod(0o700)
    assert "payments" in available(folder)
    folder.parent.chmod(0o1777)  # as /tmp: others may not rename what is not theirs
    assert "payments" in available(folder)


@pytest.mark.parametrize("which", [".", "payments.py"])
def test_what_everybody_may_write_to_is_refused_by_name(folder: Path, which: str) -> None:
    path = (folder / which).resolve()
    path.chmod(path.stat().st_mode | 0o002)
    assert f"CHATTRAIL_SIDECAR_PLUGINS_DIR: everybody may write to {path}" in refusal(folder)
    assert f"chmod o-w {path}" in refusal(folder)


@pytest.mark.parametrize("which", [".", "payments.py"])
def test_what_belongs_to_somebody_else_is_refused(folder: Path, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = (folder / which).resolve()
    somebody_elses(path, monkeypatch)
    assert "belongs to user" in refusal(folder)
    assert "chown it" in refusal(folder)


def test_a_folder_that_everybody_may_replace_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o777)
    assert f"everybody may replace what is in {folder.parent}" in refusal(folder)


def test_a_link_counts_as_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert "payments" in available(link)
    (folder / "payments.py").chmod(0o666)
    assert "everybody may write to" in refusal(link)
    elsewhere = tmp_path / "elsewhere.py"
    (folder / "payments.py").rename(elsewhere)
    (folder / "payments.py").symlink_to(elsewhere)
    assert str(elsewhere) in refusal(folder)
