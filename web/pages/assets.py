"""Addresses of the built assets, each with its hash, which lets browsers keep them for ever."""

import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flask import current_app, url_for

MANIFEST = "manifest.json"

log = logging.getLogger("web")


def asset(name: str) -> str:
    """The address of a built file: app.css, app.js, icons.svg, favicon.svg.

    Without a build the pages still come, unadorned, and the log says once what to do.
    """
    assert current_app.static_folder is not None
    static = Path(current_app.static_folder)
    try:
        return url_for("static", filename=name, v=_hashes(static)[name])
    except FileNotFoundError:
        _tell_missing(static)
        return url_for("static", filename=name)


@cache
def _hashes(static: Path) -> Mapping[str, str]:
    files = json.loads((static / MANIFEST).read_text())["files"]
    assert isinstance(files, dict)
    return files


@cache
def _tell_missing(static: Path) -> None:
    log.error(
        "%s has no %s: the pages have no style and no script; build them with `python -m web.build`", static, MANIFEST
    )
