"""Reads objects of any framework by the names of the Bot API."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from chattrail.clock import time_ns

_NO_MODEL: Any = object()
# Of an entity; not `user`, whose id the tracker may have to hide.
_ENTITY = ("type", "offset", "length", "url", "language", "custom_emoji_id", "unix_time", "date_time_format")
_CHAT_ID = re.compile(r"-?[0-9]{1,18}")


def get(found: object, name: str) -> Any:
    """Return an attribute or an item of a dict; None where there is none.

    A dict is Telegram's JSON, parameters of a call, or a field that is newer than the framework.
    """
    if isinstance(found, dict):  # not Mapping: it is asked some fifty times for each message
        value = found.get(name)
        return found.get("from") if value is None and name == "from_user" else value
    try:
        return found.__dict__[name]
    except AttributeError:  # an object without one
        return getattr(found, name, None)
    except KeyError:  # a model of pydantic takes long to say that it has no such field
        newer = getattr(found, "__pydantic_extra__", _NO_MODEL)
        return getattr(found, name, None) if newer is _NO_MODEL else (newer or {}).get(name)


def items(found: object) -> Iterable[Any]:
    """Return what a list or tuple holds; nothing for anything else."""
    return found if isinstance(found, list | tuple) else ()


def word(found: object) -> str | None:
    """Return a text, or the one that a member of an enumeration stands for."""
    value = getattr(found, "value", found)
    return value if isinstance(value, str) else None


def number(found: object) -> int | None:
    """Return a whole number; None for anything else."""
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def chat_number(found: object) -> int | None:
    """Return a chat's id; None for a channel's @name. Telegram takes ids as texts, too, as many programs keep them."""
    return int(found) if isinstance(found, str) and _CHAT_ID.fullmatch(found) else number(found)


def known(**fields: Any) -> dict[str, Any]:
    """Return the fields that are set."""
    return {name: value for name, value in fields.items() if value is not None}


def compact(value: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def entities(found: object) -> str | None:
    """Return the formatting of a text as JSON."""
    listed = [
        {name: getattr(value, "value", value) for name in _ENTITY if (value := get(entity, name)) is not None}
        for entity in items(found)
    ]
    return compact(listed) if listed else None


def time_of(found: object) -> datetime | None:
    """Return a time of Telegram's, which counts whole seconds."""
    if isinstance(found, datetime):
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    seconds = number(found)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def telegrams_time(event: object) -> datetime | None:
    """Return when an update or message was, by Telegram's clock; None where it does not say.

    An update that is delivered again has the same time, and a message and its answer are timed by one clock.
    """
    return time_of(get(event, "edit_date")) or time_of(get(event, "date"))


def now() -> datetime:
    """Return the time in whole seconds, so that what happens in one second keeps its order by number."""
    return datetime.fromtimestamp(time_ns() // 1_000_000_000, UTC)
