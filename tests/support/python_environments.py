"""Python environments of their own: installed by uv into the user's cache, once for each list of requirements."""

import subprocess
import sys
from pathlib import Path

from tests.support.clients.builds import kept
from tests.support.tools import lacking

LOCKS = Path(__file__).parent / "environments"
_UV = (sys.executable, "-m", "uv")
_PYTHON = ">=3.11,<3.13"  # the oldest releases have wheels for these


def locked(name: str) -> Path:
    """Return the Python of the environment whose lock file, with hashes, is tests/support/environments/<name>.lock."""
    lock = LOCKS / f"{name}.lock"
    folder = kept(f"environment-{name}", [lock], lambda target: _make(target, lock))
    return folder / "bin" / "python"


def create(target: Path, *requirements: str, python: str = sys.executable) -> Path:
    """Make an environment, install `requirements` by the ordinary index, and return its Python."""
    run_uv("venv", "--quiet", "--no-project", "--python", python, str(target))
    run = target / "bin" / "python"
    if requirements:
        run_uv("pip", "install", "--quiet", "--python", str(run), *requirements)
    return run


def run_uv(*arguments: str) -> None:
    """Run uv. Without a network and without its cache it can do nothing: the test is skipped for that, and fails in CI."""
    done = subprocess.run([*_UV, *arguments], capture_output=True, text=True, timeout=280)
    if done.returncode:
        if "Failed to fetch" in done.stderr or "No interpreter found" in done.stderr:
            lacking(f"uv {arguments[0]}: {done.stderr}")
        raise AssertionError(done.stderr)


def _make(target: Path, lock: Path) -> None:
    create(target, "--require-hashes", "-r", str(lock), python=_PYTHON)
