"""A text with Telegram's formatting as markup: every character is escaped, every link checked.

An entity that does not fit its text, or overlaps another one without lying inside it, is left out: its text stays plain.
Source: https://core.telegram.org/bots/api#messageentity (offsets and lengths count UTF-16 code units).
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from web.pages.language import Catalogue
from web.pages.safe_text import TEXT_MAX, brief, clean, segments

ENTITIES_MAX = 200  # twice as many as Telegram takes in a message
JSON_MAX = 200_000
URL_MAX = 2048
TAGS = {
    "bold": Markup("<strong>{}</strong>"),
    "italic": Markup("<em>{}</em>"),
    "underline": Markup("<u>{}</u>"),
    "strikethrough": Markup("<s>{}</s>"),
    "code": Markup("<code>{}</code>"),
}
QUOTES = ("blockquote", "expandable_blockquote")
BLOCKS = ("pre", *QUOTES)
WITHOUT_LINKS = ("pre", "code", "text_link", "url", "mention", "email")
HIDDEN = r"\s\x00-\x20\x7f-\xa0\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
SAFE_URL = re.compile(rf"(?:https?|tg)://[^{HIDDEN}]+", re.IGNORECASE)
BARE_ADDRESS = re.compile(rf"[\w-]+(?:\.[\w-]+)+(?:[/?#:][^{HIDDEN}]*)?")
MENTION = re.compile(r"@[A-Za-z0-9_]{1,64}")
LINK = Markup('<a href="{}" title="{}" target="_blank" rel="noopener noreferrer nofollow ugc">{}</a>')
SPOILER = Markup(
    '<label class="spoiler"><input class="sr-only" type="checkbox" aria-label="{}"><span>{}</span></label>'
)
LONG_QUOTE = Markup(
    '<blockquote class="quoted quoted-long"><label class="quoted-more"><input class="sr-only" type="checkbox"'
    ' aria-label="{}"></label><div class="quoted-text">{}</div></blockquote>'
)


@dataclass(frozen=True, slots=True)
class Entity:
    """A formatted stretch: `start` and `end` in characters of the text as it is shown."""

    type: str
    start: int
    end: int
    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A value of the entity, "" where it is no text."""
        value = self.given.get(name)
        return value if isinstance(value, str) else ""


def rich(text: str, entities: str, words: Catalogue) -> Markup:
    """The text as markup; without entities only its web links are links."""
    shown = clean(text[:TEXT_MAX])
    found = deque(read_entities(text, entities)) if entities else deque[Entity]()
    markup = _Renderer(shown, found, words).stretch(0, len(shown))
    return markup if len(text) <= TEXT_MAX else markup + "…"


def read_entities(text: str, entities: str) -> Iterator[Entity]:
    """Those entities (JSON) that fit the text, in order, an outer one before what it holds."""
    if len(entities) > JSON_MAX:
        return
    try:
        listed = json.loads(entities)
    except (ValueError, RecursionError):  # the latter: nested without end
        return
    if not isinstance(listed, list):
        return
    positions = _positions(text[:TEXT_MAX])
    is_cut = len(text) > TEXT_MAX
    found = [made for each in listed[:ENTITIES_MAX] if (made := _entity(each, positions, is_cut=is_cut)) is not None]
    around: list[int] = []  # ends of the entities that the next one is inside
    for entity in sorted(found, key=lambda each: (each.start, -each.end)):
        while around and around[-1] <= entity.start:
            around.pop()
        if not around or entity.end <= around[-1]:
            around.append(entity.end)
            yield entity


def _positions(text: str) -> list[int]:
    """The character at which each UTF-16 unit begins, and one more for the end; -1 inside a surrogate pair."""
    found: list[int] = []
    for number, character in enumerate(text):
        found += (number,) if character < "\U00010000" else (number, -1)
    return [*found, len(text)]


def _entity(given: object, positions: list[int], *, is_cut: bool) -> Entity | None:
    if not isinstance(given, dict):
        return None
    type_, offset, length = given.get("type"), given.get("offset"), given.get("length")
    if not isinstance(type_, str) or type(offset) is not int or type(length) is not int or offset < 0 or length <= 0:
        return None
    last = len(positions) - 1
    if offset >= last or (offset + length > last and not is_cut):
        return None
    start, end = positions[offset], positions[min(offset + length, last)]
    return Entity(type_, start, end, given) if start >= 0 and end >= 0 else None


class _Renderer:
    def __init__(self, text: str, entities: deque[Entity], words: Catalogue) -> None:
        self._text = text
        self._left = entities
        self._words = words

    def stretch(self, start: int, end: int, around: tuple[str, ...] = ()) -> Markup:
        """Render a part of the text with the entities in it; `around` are the types of those that it is inside."""
        pieces: list[Markup] = []
        is_after_block = False
        while self._left and self._left[0].start < end:
            entity = self._left.popleft()
            is_block = entity.type in BLOCKS
            pieces.append(self._plain(start, entity.start, around, after=is_after_block, before=is_block))
            pieces.append(self._wrapped(entity, around))
            start, is_after_block = entity.end, is_block
        pieces.append(self._plain(start, end, around, after=is_after_block))
        return Markup("").join(pieces)

    def _plain(
        self, start: int, end: int, around: tuple[str, ...], *, after: bool = False, before: bool = False
    ) -> Markup:
        """Plain text with its web links. A block ends the line by itself: the line end beside it is left out."""
        text = self._text[start:end]
        text = text.removeprefix("\n") if after else text
        text = text.removesuffix("\n") if before else text
        if not set(around).isdisjoint(WITHOUT_LINKS):
            return Markup.escape(text)
        parts = segments(text)
        return Markup("").join(_link(part.href, part.text) if part.href else Markup.escape(part.text) for part in parts)

    def _wrapped(self, entity: Entity, around: tuple[str, ...]) -> Markup:
        inner = self.stretch(entity.start, entity.end, (*around, entity.type))
        if entity.type in around:
            return inner
        if tag := TAGS.get(entity.type):
            return tag.format(inner)
        if entity.type == "spoiler":
            return SPOILER.format(self._words.text("trail.spoiler"), inner)
        if entity.type == "expandable_blockquote":
            return LONG_QUOTE.format(self._words.text("trail.quote_whole"), inner)
        if entity.type == "blockquote":
            return Markup('<blockquote class="quoted">{}</blockquote>').format(inner)
        if entity.type == "pre":
            language = brief(entity.text("language"), 40)
            return Markup('<pre class="code-block" data-language="{}"><code>{}</code></pre>').format(language, inner)
        is_in_link = not set(around).isdisjoint(WITHOUT_LINKS)
        if not is_in_link and (address := self._address(entity)):
            return _link(address, inner)
        return Markup('<span class="entity">{}</span>').format(inner) if entity.type != "custom_emoji" else inner

    def _address(self, entity: Entity) -> str:
        """Where an entity leads; "" for nowhere, and for a scheme that is not safe."""
        text = self._text[entity.start : entity.end]
        if entity.type == "text_link":
            return _safe(entity.text("url"))
        if entity.type == "url":
            return _safe(text) or (_safe(f"https://{text}") if BARE_ADDRESS.fullmatch(text) else "")
        return f"https://t.me/{text[1:]}" if entity.type == "mention" and MENTION.fullmatch(text) else ""


def _safe(address: str) -> str:
    return address if len(address) <= URL_MAX and SAFE_URL.fullmatch(address) else ""


def _link(address: str, inner: str | Markup) -> Markup:
    return LINK.format(address, address, inner)
