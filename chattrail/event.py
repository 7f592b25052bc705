"""What an event is: a frozen dataclass, every field tied to its OpenTelemetry attribute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

PREFIX = "chattrail."
CHAT_PREFIX = "chattrail_chat."  # of what is about a chat and no person: no event, but a log record like any other


@dataclass(frozen=True, slots=True)
class Attribute:
    """What docs/events.md says about an attribute; `private` ones are left out when message texts are switched off."""

    name: str
    description: str
    example: object
    private: bool = False


def attribute(name: str, description: str, example: object, *, private: bool = False, default: object = None) -> Any:
    """Return the dataclass field of an attribute. The default MISSING makes it a required one."""
    return field(default=default, metadata={"attribute": Attribute(name, description, example, private)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Base of all events. `type` is the name without its prefix, `when` the moment that it stands for."""

    type: ClassVar[str]
    when: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()  # fields that may stand in the record's body, so never a private one

    def values(self) -> Iterator[tuple[Attribute, object]]:
        """Yield the attributes that are set, in the order of the fields."""
        for name, described in attributes_of(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                yield described, value


_attributes: dict[type[Event], Mapping[str, Attribute]] = {}


def attributes_of(event: type[Event]) -> Mapping[str, Attribute]:
    """Map each field of a type of event to its attribute."""
    known = _attributes.get(event)
    if known is None:
        known = MappingProxyType({item.name: item.metadata["attribute"] for item in fields(event)})
        _attributes[event] = known
    return known
