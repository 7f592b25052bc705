"""Addresses of the built assets, whose names hold their hashes, so that browsers may cache them without an end."""

import json
import logging
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from flask import current_app, url_for

log = logging.getLogger("web")


def asset(name: str) -> str:
    """The address of a built file: app.css, app.js, icons.svg, favicon.svg.

    Without a build the pages are served without style and script, and one log line says what to do.
    """
    assert current_app.static_folder is not None
    manifest = Path(current_app.static_folder) / "manifest.json"
    try:
        name = _names(manifest, manifest.stat().st_mtime_ns)[name]
    except FileNotFoundError:
        _log_missing(manifest)
    return url_for("static", filename=name)


@lru_cache(maxsize=1)
def _names(manifest: Path, _changed_at: int) -> Mapping[str, str]:
    names: dict[str, str] = json.loads(manifest.read_text())
    return names


@cache
def _log_missing(manifest: Path) -> None:
    log.error("%s is missing: the pages have no style and no script; build them with `python -m web.build`", manifest)
