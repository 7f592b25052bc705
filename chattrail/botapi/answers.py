"""Which events a message of the bot is: an AI answer and a generated image are what the bot says to be one."""

from collections.abc import Iterator
from dataclasses import replace

from chattrail.botapi.content import Fields
from chattrail.context import Details
from chattrail.events import AiMessage, BotMessage, Event, ImageGenerated, MessageEdited, attributes_of

_MODEL = frozenset({"provider", "request_model", "response_model"})
_AI = _MODEL | {"input_tokens", "output_tokens", "duration_ms", "error_type"}
_IMAGE = frozenset(attributes_of(ImageGenerated)) - {"duration_ms", "error_type"}
# These belong to one message or image: on two of them a sum would count twice, and an id would name both.
_MEASURES = frozenset(
    {"text", "length", "input_tokens", "output_tokens", "duration_ms", "image_id", "url", "file_id", "data"}
)
_TEXT = ("text", "length", "entities")
_TEXTS = ("text", "rich_message")
_NO_FILE = ("sticker", "paid_media")  # they have one, but are nothing that a model makes


def says_ai(details: Details | None) -> bool:
    """Tell whether the bot says that what it sends is an AI answer."""
    return _has(details, _AI)


def events_of(fields: Fields, details: Details | None) -> Iterator[Event]:
    """Yield the events of a message, in the order in which the person sees them."""
    caption = {name: fields[name] for name in _TEXT if name in fields}
    if is_new_image(fields, details):
        yield image_of(fields, details)
        if caption:
            if details is not None and _has(details, _AI - {"duration_ms", "error_type"}):
                yield detailed(AiMessage(**caption), details, beside=ImageGenerated)
            else:
                yield BotMessage(**caption)
    elif not says_ai(details):
        yield BotMessage(**fields)
    elif fields["kind"] in _TEXTS:
        yield detailed(AiMessage(**caption), details)
    elif fields["kind"] not in _NO_FILE and fields.keys() & {"file_id", "image_id"}:
        yield BotMessage(**{name: value for name, value in fields.items() if name not in _TEXT})
        if caption or not (_is_image(fields) and details is not None and details.inferred):
            yield detailed(AiMessage(**caption), details)
    else:
        yield BotMessage(**fields)


def edited_event(fields: Fields, details: Details | None, *, answered: bool) -> Event:
    """Return the event of an edit: an AI answer, when the bot says so and the message was none before (`answered`)."""
    if says_ai(details) and not answered:
        return detailed(AiMessage(**{name: fields[name] for name in _TEXT if name in fields}), details)
    known = attributes_of(MessageEdited)
    return MessageEdited(**{"kind": None, **{name: value for name, value in fields.items() if name in known}})


def is_new_image(fields: Fields, details: Details | None) -> bool:
    """Tell whether the bot says that it made the image of a message."""
    names = _IMAGE | _MODEL
    return _is_image(fields) and _has(details, names if details is None else names - details.inferred)


def image_of(fields: Fields, details: Details | None) -> Event:
    """Return the event of a message's image."""
    if "image_id" in fields or "image_file_id" in fields:
        image = ImageGenerated(
            file_id=fields.get("image_file_id"), image_id=fields.get("image_id"), content_type="image/jpeg"
        )
    else:
        image = ImageGenerated(
            file_id=fields.get("file_id"),
            image_id=fields.get("file_unique_id"),
            content_type=fields.get("content_type"),
            url=fields.get("url"),
        )
    return detailed(image, details)


def detailed(event: Event, details: Details | None, beside: type[Event] | None = None) -> Event:
    """Return the event with what the bot says of it; `beside` an image only with what cannot be the image's."""
    if details is None:
        return event
    known = attributes_of(type(event)).keys() - (attributes_of(beside).keys() if beside else ())
    given = {name: value for name, value in details.fields.items() if name in known and value is not None}
    if event.type in details.used_by:
        given = {name: value for name, value in given.items() if name not in _MEASURES}
    details.used_by.add(event.type)
    if isinstance(event, ImageGenerated) and given.keys() & {"url", "data"}:
        given.setdefault("file_id", None)  # one address of the image, not two
    return replace(event, **given)


def _has(details: Details | None, names: frozenset[str]) -> bool:
    return details is not None and any(details.fields.get(name) is not None for name in names)


def _is_image(fields: Fields) -> bool:
    if fields["kind"] == "document":
        return str(fields.get("content_type")).startswith("image/")
    return bool(fields["kind"] == "photo")
