"""Texts of people, prepared for templates: nothing here is markup, and templates escape every result."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# Control characters other than tab and line ends, and lone surrogates, which cannot be sent as UTF-8 at all.
UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
LINK = re.compile(r"https?://[^\s<>\"'`{}|\\^\u200b-\u200f\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)
LINK_END = ".,:;!?)]}…»”"
HUES = 8
BRIEF_MAX = 300  # no name, id or word in Telegram is as long
TEXT_MAX = 20_000  # five times the longest message of Telegram


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text, and the address it leads to when it is a link."""

    text: str
    href: str | None = None


def clean(text: str) -> str:
    """Replace what no browser can show by the replacement character; everything else stays as it was written."""
    return UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def brief(text: str, most: int = BRIEF_MAX) -> str:
    """The same, and what is longer than anybody reads is cut."""
    return clean(text) if len(text) <= most else f"{clean(text[:most])}…"


def segments(text: str) -> Iterator[Segment]:
    """Split a text into words and http(s) links. Any other scheme stays text."""
    text = brief(text, TEXT_MAX)
    end = 0
    for found in LINK.finditer(text):
        address = found[0].rstrip(LINK_END)
        if address.partition("://")[2]:
            if found.start() > end:
                yield Segment(text[end : found.start()])
            end = found.start() + len(address)
            yield Segment(address, address)
    if end < len(text):
        yield Segment(text[end:])


def readable(identifier: str) -> str:
    """An id such as captain_reyes as words: Captain reyes."""
    words = " ".join(re.split(r"[_\s-]+", identifier.strip("_- ")))
    return words[:1].upper() + words[1:]


def initial(name: str) -> str:
    """The first letter or digit of a name, or a dot when it has none."""
    return next((letter for letter in clean(name) if letter.isalnum()), "·")


def hue(client_id: str) -> int:
    """The number of a person's colour, 1 to 8: always the same for the same id."""
    return zlib.crc32(client_id.encode("utf-8", "replace")) % HUES + 1
