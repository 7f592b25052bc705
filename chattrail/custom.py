"""Events that a bot names itself: `tracker.track("quiz_finished", score=3, level="b1")`."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, replace
from typing import TypeAlias

from chattrail.event import Attribute, Event, attribute
from chattrail.rate_limited_log import RateLimitedLog
from chattrail.sanitize import sanitize_text

PROPERTY = "chattrail.property."
MAX_PROPERTIES = 32
MAX_TEXT = 1_000  # characters of a property's value
PropertyValue: TypeAlias = str | int | float | bool

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LIBRARY = f"{__name__.split('.')[0]}."
_RULE = "a name is 1 to 64 of a-z, 0-9 and _, and begins with a letter"


@dataclass(frozen=True, kw_only=True, slots=True)
class Custom(Event):
    """Something that only this bot knows of. `properties` maps names to texts, numbers, True or False."""

    type = "custom"
    when = "the bot tracks an event by a name of its own"
    shown = ("name",)
    name: str = attribute("chattrail.custom.name", "The name that the bot gives it.", "quiz_finished", default=MISSING)
    properties: Mapping[str, PropertyValue | None] | None = attribute(
        f"{PROPERTY}*",
        "One attribute for each; numbers and booleans are sent in any case.",
        {"score": 3, "level": "b1"},
        private=True,
    )

    def values(self) -> Iterator[tuple[Attribute, object]]:
        """Yield the name, and an attribute for each property."""
        yield _NAMED, self.name
        for key, value in (self.properties or {}).items():
            if value is not None:
                yield Attribute(PROPERTY + key, "A property.", value, isinstance(value, str)), value


_NAMED = Custom.__dataclass_fields__["name"].metadata["attribute"]


class InvalidEventError(ValueError):
    """An event, or a part of it, that cannot be recorded. The message quotes no text that a person may have written."""


def event_of(given: object, properties: Mapping[str, PropertyValue | None], log: RateLimitedLog) -> Event:
    """Return the event that track() was given, or given the name of. Properties that cannot be sent are left out and logged.

    Raises InvalidEventError when there is nothing to send.
    """
    if isinstance(given, str):
        given = Custom(name=given, properties=properties)
    elif not isinstance(given, Event):
        raise InvalidEventError(f"track() takes an event or the name of one, not a {type(given).__name__}")
    elif properties:
        log.warning("properties were left out: only an event that is given by its name has them (%s)", caller())
    if not isinstance(given, Custom):
        return given
    event, faults = _valid(given)
    if faults:
        log.warning("properties of the event %s were left out: %s (%s)", event.name, "; ".join(faults), caller())
    return event


def check_arguments(**given: tuple[object, type]) -> None:
    """Raise InvalidEventError when an argument of track() has a value of another type than its own."""
    for name, (value, wanted) in given.items():
        if value is not None and not isinstance(value, wanted):
            raise InvalidEventError(f"{name}= takes a {wanted.__name__}, not a {type(value).__name__}")


def caller() -> str:
    """Return the file and line outside of this library that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_LIBRARY):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _valid(event: Custom) -> tuple[Custom, list[str]]:
    """Return the event with the properties that can be sent, and what is wrong with the others."""
    if not isinstance(event.name, str) or not _NAME.fullmatch(event.name):
        raise InvalidEventError(f"its name is {_described(event.name)}: {_RULE}")
    given = {} if event.properties is None else event.properties
    if not isinstance(given, Mapping):
        raise InvalidEventError(f"its properties are {_described(given)}: they are a mapping of names to values")
    kept: dict[str, PropertyValue] = {}
    faults: list[str] = []
    for key, value in given.items():
        if value is None:
            continue
        if not isinstance(key, str) or not _NAME.fullmatch(key):
            faults.append(f"the name of a property is {_described(key)}: {_RULE}")
        elif not isinstance(value, PropertyValue):
            faults.append(f"the property {key} is {_described(value)}: it can be a text, a number, True or False")
        elif len(kept) == MAX_PROPERTIES:
            faults.append(f"it has more than {MAX_PROPERTIES} properties: the first {MAX_PROPERTIES} are kept")
            break
        else:
            kept[key] = sanitize_text(str.__str__(value), MAX_TEXT) if isinstance(value, str) else value
    return replace(event, properties=kept), faults


def _described(value: object) -> str:
    """Describe a wrong value without quoting it."""
    if not isinstance(value, str):
        return f"of type {type(value).__name__}"
    return f"a text of {len(value)} characters" if value else "empty"
