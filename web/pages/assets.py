"""Addresses of the built assets, each with its hash, which lets browsers keep them for ever."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flask import current_app, url_for

MANIFEST = "manifest.json"


class AssetsMissing(RuntimeError):  # noqa: N818 - a state of the installation, told to its owner
    """The pages' assets were not built."""


def asset(name: str) -> str:
    """The address of a built file: app.css, app.js, icons.svg, favicon.svg."""
    assert current_app.static_folder is not None
    return url_for("static", filename=name, v=_hashes(Path(current_app.static_folder))[name])


@cache
def _hashes(static: Path) -> Mapping[str, str]:
    try:
        files = json.loads((static / MANIFEST).read_text())["files"]
    except FileNotFoundError:
        raise AssetsMissing(f"{static} has no {MANIFEST}: build the assets with `python -m web.build`") from None
    assert isinstance(files, dict)
    return files
