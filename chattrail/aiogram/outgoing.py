"""Reads what the bot sent: which events a call of the Bot API stands for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiogram.methods import (
    EditMessageMedia,
    SendAnimation,
    SendAudio,
    SendDocument,
    SendInvoice,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SendVideo,
    SendVoice,
    TelegramMethod,
)
from aiogram.types import Message

from chattrail.aiogram.incoming import now, telegrams_time
from chattrail.aiogram.money import amount
from chattrail.context import Details
from chattrail.events import AiMessage, Event, ImageGenerated, PremiumAction, attributes_of

_SENDS = (
    SendMessage, SendPhoto, SendMediaGroup, SendDocument, SendAnimation, SendVideo, SendAudio, SendVoice, EditMessageMedia,
)  # fmt: skip
# These belong to one message or image: on two of them a sum would count twice, and an id would name both.
_MEASURES = frozenset(
    {"text", "length", "input_tokens", "output_tokens", "duration_ms", "image_id", "url", "file_id", "data"}
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that the bot caused; `message` is None when Telegram's response is not known."""

    event: Event
    message: Message | None
    at: datetime


def read(method: TelegramMethod[Any], result: object, details: Details | None) -> Iterator[Outgoing]:
    """Yield the events of one call, in the order in which the person sees them."""
    if isinstance(method, SendInvoice):
        total = sum(price.amount for price in method.prices)
        yield Outgoing(
            PremiumAction(
                action="invoice_sent",
                plan=method.payload,
                amount=amount(total, method.currency),
                currency=method.currency,
            ),
            result if isinstance(result, Message) else None,
            telegrams_time(result) or now(),
        )
    elif isinstance(method, _SENDS):
        for message in result if isinstance(result, list) else [result]:
            if isinstance(message, Message):
                for event in _of_message(message, details):
                    yield Outgoing(event, message, telegrams_time(message) or now())


def read_returned(method: TelegramMethod[Any], details: Details | None) -> Iterator[Outgoing]:
    """Yield the events of a method that leaves inside a webhook's response, of which no result is ever seen."""
    if isinstance(method, SendMessage):
        yield Outgoing(_detailed(AiMessage(text=method.text, length=len(method.text)), details), None, now())
    elif isinstance(method, SendPhoto):
        if isinstance(method.photo, str):
            by_url = "://" in method.photo
            image = ImageGenerated(url=method.photo) if by_url else ImageGenerated(file_id=method.photo)
            yield Outgoing(_detailed(image, details), None, now())
        if method.caption:
            yield Outgoing(_caption(method.caption, details), None, now())
    elif isinstance(method, SendInvoice):
        yield from read(method, None, details)


def _of_message(message: Message, details: Details | None) -> Iterator[Event]:
    image = _image(message)
    if image is not None:
        yield _detailed(image, details)
    text = message.text or message.caption
    if text:
        yield _detailed(AiMessage(text=text, length=len(text)), details) if image is None else _caption(text, details)


def _image(message: Message) -> ImageGenerated | None:
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return ImageGenerated(file_id=largest.file_id, image_id=largest.file_unique_id, content_type="image/jpeg")
    document = message.document
    if document is not None and message.animation is None and (document.mime_type or "").startswith("image/"):
        return ImageGenerated(
            file_id=document.file_id, image_id=document.file_unique_id, content_type=document.mime_type
        )
    return None


def _caption(text: str, details: Details | None) -> Event:
    """Return a caption's event: of the details only those that cannot be the image's."""
    return _detailed(AiMessage(text=text, length=len(text)), details, beside=ImageGenerated)


def _detailed(event: Event, details: Details | None, beside: type[Event] | None = None) -> Event:
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
