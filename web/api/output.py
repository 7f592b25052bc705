"""Results to JSON: the same names as in `web.analytics.models`, times as ISO 8601 in UTC, and nothing that JSON has no form for."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from web.openapi.document import RENAMED


def jsonable(value: Any) -> Any:
    """A result as dicts, lists, numbers and texts."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in fields(value))
        return {RENAMED.get(name, name): jsonable(getattr(value, name)) for name in names}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, Mapping):
        return {jsonable(key): jsonable(item) for key, item in value.items()}
    return value


def iso(moment: datetime) -> str:
    """2026-11-22T15:49:36.120000Z: always as long, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
