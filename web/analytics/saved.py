"""What owners save: its kinds, what may be saved, and how it is read from a request."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from web.errors import ParameterError

SavedKind = Literal["view", "funnel", "annotation", "alert", "cards", "columns"]
SAVED_KINDS: tuple[SavedKind, ...] = get_args(SavedKind)
NAME_MAX = 100
VALUE_MAX = 16 * 1024  # characters of JSON
DEPTH_MAX = 20
ID = re.compile(r"[a-z0-9-]{1,36}")
FIELDS = ("kind", "id", "name", "value", "is_deleted")


@dataclass(frozen=True, slots=True)
class Saved:
    """One thing that an owner saved. `value` is whatever JSON its kind is made of."""

    kind: SavedKind
    id: str
    name: str
    value: Any
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SavedList:
    """All of a kind, by name."""

    saved: tuple[Saved, ...]


@dataclass(frozen=True, slots=True)
class ToSave:
    """What is to be saved. An id that is known gets a new name and value, or is deleted."""

    kind: SavedKind
    id: str
    name: str
    value: Any
    is_deleted: bool = False

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "ToSave":
        """Read and check it; without an id it gets one. Raises ParameterError."""
        for field in given:
            if field not in FIELDS:
                raise ParameterError(ascii(field)[1:-1][:50], f"is not known here; known are {', '.join(FIELDS)}")
        key = given.get("id") or str(uuid.uuid4())
        if not isinstance(key, str) or not ID.fullmatch(key):
            raise ParameterError("id", "must be up to 36 of a-z, 0-9 and -")
        is_deleted = given.get("is_deleted", False)
        if not isinstance(is_deleted, bool):
            raise ParameterError("is_deleted", "must be true or false")
        name = "" if is_deleted else _name(given.get("name"))
        return cls(read_kind(given), key, name, None if is_deleted else _checked(given.get("value")), is_deleted)


def read_kind(given: Mapping[str, Any]) -> SavedKind:
    """The kind that is asked for. Raises ParameterError."""
    kind = given.get("kind")
    if kind not in SAVED_KINDS:
        raise ParameterError("kind", f"must be one of {', '.join(SAVED_KINDS)}")
    return cast("SavedKind", kind)


def _name(name: Any) -> str:
    text = " ".join(name.split()) if isinstance(name, str) else ""
    if not text or len(text) > NAME_MAX or not text.isprintable():
        raise ParameterError("name", f"must be a text of 1 to {NAME_MAX} characters")
    return text


def _checked(value: Any) -> Any:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise ParameterError("value", "must be JSON of texts in Unicode and finite numbers") from None
    if len(text) > VALUE_MAX or _depth(value) > DEPTH_MAX:
        raise ParameterError("value", f"must have at most {VALUE_MAX} characters as JSON, and {DEPTH_MAX} levels")
    return value


def _depth(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, below), default=0)
