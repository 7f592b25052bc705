"""Programs that tests run and that no Python package brings, or not on every platform."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest


def need(*names: str, package: str) -> str:
    """Return the path of the first of these programs that is there. Without one, fail in CI and skip by name elsewhere."""
    found = [path for name in names if (path := shutil.which(name))]
    if found:
        return found[0]
    return lacking(f"{names[0]} is not installed: apt-get install {package}")


def lacking(missing: str) -> NoReturn:
    """Fail in CI and skip elsewhere, for want of what the message names."""
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def chromium() -> str:
    """Return the path of Chromium."""
    return need("chromium", "chromium-browser", "google-chrome", package="chromium")


def of_package(package: str, *path: str) -> str:
    """Return the path of a program that a package of this Python brings."""
    found = find_spec(package)
    if found is None or found.origin is None:
        lacking(f"the package {package} is not installed: pip install {package.replace('_', '-')}, or make setup")
    return str(Path(found.origin).parent.joinpath(*path))
