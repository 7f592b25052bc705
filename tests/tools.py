"""Programs that tests run and that no Python package brings."""

import os
import shutil
from typing import NoReturn

import pytest


def need(*names: str, package: str) -> str:
    """Return the path of the first of these programs that is there. Without one, fail in CI and skip by name elsewhere."""
    for name in names:
        if found := shutil.which(name):
            return found
    return missing(f"{names[0]} is not installed: apt-get install {package}")


def missing(what: str) -> NoReturn:
    """End a test that lacks something here: fail in CI, which has it, and skip by name elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def chromium() -> str:
    """Return the path of Chromium."""
    return need("chromium", "chromium-browser", "google-chrome", package="chromium")
