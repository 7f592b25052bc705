"""`make env`: fresh secrets, for the owner's eyes, once."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.env_file import HASH, MADE, TOKEN, fill, main
from tests.support.compose import dotenv, example
from tests.support.paths import ROOT


def test_every_secret_is_made_anew_and_unlike_the_others() -> None:
    first, second = dotenv(fill(example())), dotenv(fill(example()))
    made = [first[name] for name in MADE] + [second[name] for name in MADE]
    assert len(set(made)) == 2 * len(MADE)
    assert all(len(value) >= 24 and set(value) <= set(_plain()) for value in made)
    assert first[HASH] == hashlib.sha256(first[TOKEN].encode()).hexdigest()


def test_everything_else_stays() -> None:
    before, after = dotenv(example()), dotenv(fill(example()))
    assert {name: value for name, value in after.items() if name not in {*MADE, HASH}} == {
        name: value for name, value in before.items() if name not in {*MADE, HASH}
    }
    assert [line for line in fill(example()).splitlines() if line.startswith("#")] == [
        line for line in example().splitlines() if line.startswith("#")
    ]


def test_an_example_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="GRAFANA_ADMIN_PASSWORD"):
        fill(example().replace("\nGRAFANA_ADMIN_PASSWORD=\n", "\n"))


def test_the_file_is_private_and_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path)
    before = os.umask(0)
    try:
        assert main(tmp_path) == 0
    finally:
        os.umask(before)
    target = tmp_path / ".env"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    written = target.read_text()
    printed = capsys.readouterr().out
    assert not any(dotenv(written)[name] in printed for name in MADE)

    assert main(tmp_path) == 1
    assert target.read_text() == written
    assert "is there already" in capsys.readouterr().err


def test_it_runs_without_anything_installed(tmp_path: Path) -> None:
    copy = tmp_path / "stack"
    shutil.copytree(ROOT / "stack", copy)
    shutil.copy(ROOT / ".env.example", tmp_path)
    command = [sys.executable, "-I", "-S", str(copy / "env_file.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert dotenv((tmp_path / ".env").read_text())[TOKEN]


def _plain() -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
