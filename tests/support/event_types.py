"""Events of any type of the registry: whole ones, and ones with what their type requires and no more."""

from dataclasses import MISSING, fields

from chattrail.events import Event, attributes_of


def example(event: type[Event]) -> Event:
    """Return an event with the examples of docs/events.md."""
    return event(**{name: attribute.example for name, attribute in attributes_of(event).items()})


def least(event: type[Event]) -> Event:
    """Return an event with its required fields alone."""
    required = {field.name for field in fields(event) if field.default is MISSING}
    return event(**{name: attributes_of(event)[name].example for name in required})
