"""A found text as a page shows it: the words that were looked for marked, and of a long text the part around the first of them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

EXCERPT_MAX = 320
SCANNED_MAX = 100_000  # characters; no message of Telegram has a tenth of that
BEFORE = EXCERPT_MAX // 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it is one of the words."""

    text: str
    is_match: bool = False


def excerpt(text: str, words: Sequence[str]) -> list[Piece]:
    """The part of a text that says why it was found. `words` are as the search makes them, each the beginning of one."""
    text = text[:SCANNED_MAX]
    matches = [(found.start(), found.end()) for found in _runs().finditer(text) if _begins(found[0], words)]
    start, end = _window(text, matches[0][0] if matches else 0)
    pieces = [Piece("…")] if start else []
    for begin, stop in matches:
        if begin >= end:
            break
        pieces += [Piece(text[start:begin]), Piece(text[begin : min(stop, end)], is_match=True)]
        start = min(stop, end)
    pieces.append(Piece(text[start:end]))
    if end < len(text):
        pieces.append(Piece("…"))
    return [piece for piece in pieces if piece.text]


def _window(text: str, first: int) -> tuple[int, int]:
    """Where the part that is shown begins and ends: at spaces, where there are any near by."""
    if len(text) <= EXCERPT_MAX:
        return 0, len(text)
    start = max(0, min(first - BEFORE, len(text) - EXCERPT_MAX))
    if start:
        space = text.find(" ", start, first)
        start = space + 1 if space >= 0 else start
    end = min(start + EXCERPT_MAX, len(text))
    if end < len(text):
        space = text.rfind(" ", max(first, end - BEFORE), end)
        end = space if space > first else end
    return start, end


def _begins(run: str, words: Sequence[str]) -> bool:
    """Whether a stretch of letters is one of the words; one letter or digit is a word of its own alone (docs/adr/0056)."""
    return any(part == word or (len(word) > 1 and part.startswith(word)) for part in _normalized(run) for word in words)


def _normalized(run: str) -> Iterator[str]:
    """The words that common/words.py makes of it."""
    small = unicodedata.normalize("NFKC", run).lower().replace("ё", "е")
    return (found[0] for found in _runs().finditer(small))


@cache
def _runs() -> re.Pattern[str]:
    """Letters, digits and marks that stand together: `\\w` of Python knows no marks, and takes the underscore."""
    points = [*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)]
    marks = "".join(map(chr, (point for point in points if unicodedata.category(chr(point))[0] == "M")))
    return re.compile(f"(?:[^\\W_]|[{marks}])+")
