"""What a message has besides its text: a poll's options, a place, a contact, a file, a gift.

`chattrail.message.data` is JSON, mostly Telegram's own object of that kind. Whatever cannot be read is left out; a kind
without a reader shows the plain values that its object has.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from web.analytics.bounds import read_number

JSON_MAX = 200_000
OPTIONS_MAX = 50
FACTS_MAX = 12
BIG = {"sticker": "◻", "dice": "🎲"}  # kinds whose text is one emoji, and what stands where there is none
BIG_MAX = 16  # of one emoji, in characters
Form = Literal["text", "number", "size", "duration", "stars"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One value; `words` is a key of the texts, or "" for one that needs none."""

    value: str | float
    form: Form = "text"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a bubble shows besides text and image. `big` is an emoji that takes the text's place, `file` is about a file,
    `poll_id` says whose votes the options have.
    """

    big: str = ""
    title: str = ""
    file: tuple[Fact, ...] = ()
    facts: tuple[Fact, ...] = ()
    options: tuple[str, ...] = ()
    place: tuple[float, float] | None = None
    poll_id: str = ""


def read_content(kind: str, attributes: Mapping[str, str]) -> Content:
    """The content of a message by its kind; an empty one where there is none to show."""
    data = read_json(attributes.get("chattrail.message.data", ""))
    content = READERS.get(kind, _values)(data)
    if kind in BIG:
        return replace(content, big=attributes.get("chattrail.message.text", "")[:BIG_MAX] or BIG[kind])
    file = tuple(_file(attributes))
    return replace(content, file=file, title=attributes.get("chattrail.file.name", "")) if file else content


def read_json(text: str) -> dict[str, Any]:
    """The object that a text is, an empty one where it is none."""
    if not text or len(text) > JSON_MAX:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # the latter: nested without end
        return {}
    return found if isinstance(found, dict) else {}


def _file(attributes: Mapping[str, str]) -> Iterator[Fact]:
    """Length, size and type of a file, as far as they are known."""
    duration, size = (read_number(attributes.get(f"chattrail.file.{name}", "")) for name in ("duration_s", "size"))
    if duration is not None:
        yield Fact(duration * 1000, "duration")
    if size is not None:
        yield Fact(size, "size")
    if type_ := attributes.get("chattrail.file.content_type", ""):
        yield Fact(type_)


def _poll(data: Mapping[str, Any]) -> Content:
    quiz = (Fact("", words="kind.quiz"),) if data.get("type") == "quiz" else ()
    return Content(facts=quiz, options=_options(data, "options"), poll_id=_text(data, "id"))


def _checklist(data: Mapping[str, Any]) -> Content:
    return Content(options=_options(data, "tasks"))


def _options(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Texts, or Telegram's objects with a text; "" in the place of anything else, since votes count places."""
    listed = data.get(name)
    texts = [
        _text(each, "text") if isinstance(each, dict) else each
        for each in (listed[:OPTIONS_MAX] if isinstance(listed, list) else ())
    ]
    found = tuple(text if isinstance(text, str) else "" for text in texts)
    return found if any(found) else ()


def _dice(data: Mapping[str, Any]) -> Content:
    value = _number(data, "value")
    return Content(facts=() if value is None else (Fact(value, "number"),))


def _contact(data: Mapping[str, Any]) -> Content:
    name = " ".join(part for part in (_text(data, "first_name"), _text(data, "last_name")) if part)
    return Content(title=name, facts=_facts(_text(data, "phone_number")))


def _place(data: Mapping[str, Any]) -> Content:
    latitude, longitude = _number(data, "latitude"), _number(data, "longitude")
    place = None
    if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
        place = latitude, longitude
    return Content(facts=_facts(_text(data, "address")), place=place)


def _gift(data: Mapping[str, Any]) -> Content:
    title = " ".join(part for part in (_text(data, "emoji"), _text(data, "name")) if part)
    return Content(title=title, facts=_stars(data))


def _paid_media(data: Mapping[str, Any]) -> Content:
    return Content(facts=_stars(data))


def _plain(data: Mapping[str, Any]) -> Content:
    return Content(facts=_facts(_text(data, "description", "data")))


def _values(data: Mapping[str, Any]) -> Content:
    """Of a kind without a reader: its plain values under their names."""
    found = []
    for name, value in data.items():
        values = value[:OPTIONS_MAX] if isinstance(value, list) else [value]
        if values and all(isinstance(each, str | int | float) for each in values):
            found.append(Fact(f"{name}: {', '.join(map(_shown, values))}"))
    return Content(facts=tuple(found[:FACTS_MAX]))


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _stars(data: Mapping[str, Any]) -> tuple[Fact, ...]:
    stars = _number(data, "star_count")
    return () if stars is None else (Fact(stars, "stars"),)


def _facts(*texts: str) -> tuple[Fact, ...]:
    return tuple(Fact(text) for text in texts if text)


def _text(data: Mapping[str, Any], *names: str) -> str:
    """The first of these values that is a text or a whole number."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e18:
            return str(value)
    return ""


def _number(data: Mapping[str, Any], name: str) -> float | None:
    value = data.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


READERS: Mapping[str, Callable[[Mapping[str, Any]], Content]] = {
    "poll": _poll, "checklist": _checklist, "dice": _dice, "contact": _contact, "location": _place, "venue": _place,
    "game": _plain, "web_app_data": _plain, "gift": _gift, "unique_gift": _gift, "gift_upgrade_sent": _gift,
    "paid_media": _paid_media, "sticker": _plain,
}  # fmt: skip
