"""The library's own tests pass with the oldest releases that pyproject.toml claims; those of .venv are the newest."""

import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.paths import ROOT
from tests.support.python_environments import LOCKS, create, locked

TESTS = {"tests/unit/chattrail": "0", "tests/integration/chattrail/export": "4"}  # the latter wait most of their time
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CLAIMED = [
    Requirement(text) for part in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()) for text in part
]
BOT = """
from aiogram import Bot, Dispatcher
from chattrail import create_tracker
from chattrail.aiogram import instrument
instrument(Dispatcher(), Bot("42:TEST"), create_tracker("bot"))
"""


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(python), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=280)


def run_tests(python: Path, folder: str) -> None:
    options = (f"--confcutdir={folder}", "-n", TESTS[folder], "-q", "-p", "no:cacheprovider")
    aged = ("-W", "ignore::DeprecationWarning")  # of old releases on a newer Python
    done = run(python, "-m", "pytest", folder, *options, *aged)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def pinned(name: str) -> dict[str, Version]:
    lines = [line.split() for line in (LOCKS / f"{name}.lock").read_text().splitlines() if "==" in line]
    return {package: Version(number) for package, number in (line[0].split("==") for line in lines)}


@pytest.mark.parametrize("folder", TESTS)
def test_the_librarys_tests_pass_with_the_oldest_releases(folder: str) -> None:
    run_tests(locked("oldest"), folder)


def test_an_older_aiogram_is_refused_by_name() -> None:
    done = run(locked("too_old"), "-c", BOT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "RuntimeError: aiogram 3.3.0 is installed; chattrail needs 3.4 or newer: pip install 'aiogram>=3.4,<4'"
    )


@pytest.mark.parametrize("claim", CLAIMED, ids=str)
def test_the_oldest_release_is_the_lower_end_of_the_claim(claim: Requirement) -> None:
    (lower,) = [Version(part.version) for part in claim.specifier if part.operator == ">="]
    oldest = pinned("oldest")[claim.name]
    assert oldest.release[:2] == lower.release[:2]
    assert oldest in claim.specifier


@pytest.mark.parametrize("claim", CLAIMED, ids=str)
def test_the_newest_minor_that_is_claimed_is_the_one_of_this_environment(claim: Requirement) -> None:
    (upper,) = [Version(part.version) for part in claim.specifier if part.operator == "<"]
    installed = Version(version(claim.name))
    assert installed in claim.specifier
    if upper.minor:  # of OpenTelemetry each minor may differ; the others promise to change with their major only
        assert installed.minor == upper.minor - 1


@pytest.mark.slow
@pytest.mark.parametrize("minor", ["1.40", "1.41", "1.42", "1.43", "1.44", "1.45"])
def test_each_minor_of_opentelemetry(minor: str, tmp_path: Path) -> None:
    tools = ("pytest>=9.2", "pytest-asyncio>=1.5", "pytest-timeout>=2.4", "pytest-xdist>=3.8", "hypothesis")
    names = ("opentelemetry-exporter-otlp", "opentelemetry-sdk", "opentelemetry-api")
    python = create(tmp_path / "environment", "aiogram", *tools, *(f"{name}=={minor}.*" for name in names))
    for folder in TESTS:
        run_tests(python, folder)
