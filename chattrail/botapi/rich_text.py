"""The text of what has markup: rich messages, which are trees of blocks, and parameters in HTML."""

from html.parser import HTMLParser
from typing import Any

from chattrail.botapi.reading import get, items, word

# What a block or a piece of text holds, in the order of reading. Each of these is on a line of its own:
_BLOCKS = ("summary", "blocks", "items", "cells", "caption", "credit")
_INLINE = ("text", "expression", "alternative_text")


def plain(found: Any) -> str | None:
    """Return the text of a rich message or a part of it; None where it has none."""
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, list | tuple):
        return "".join(filter(None, map(plain, found))) or None
    written = get(found, "html") or get(found, "markdown")
    if isinstance(written, str):  # as a bot gives it
        return without_tags(written) if get(found, "html") else written
    inline = "".join(filter(None, (plain(get(found, name)) for name in _INLINE)))
    lines = [inline, *(line for name in _BLOCKS for line in _lines(get(found, name)))]
    return "\n".join(filter(None, lines)) or None


def _lines(found: Any) -> list[str | None]:
    if isinstance(found, list | tuple):
        return [_row(one) for one in found]
    return [plain(found)] if found is not None else []


def _row(found: Any) -> str | None:
    if isinstance(found, list | tuple):  # of a table
        return " ".join(filter(None, map(plain, items(found)))) or None
    return plain(found)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def without_tags(html: str) -> str:
    """Return the text of a parameter in HTML."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "".join(reader.found)


def without_markup(text: Any, mode: object, usual: str | None) -> Any:
    """Return the text of a parameter as it is shown, as far as that is simple: without HTML's tags; Markdown stays.

    mode: the call's `parse_mode`; aiogram has an object there where the bot's `usual` one is meant.
    """
    if not isinstance(text, str) or mode is None:
        return text
    return without_tags(text) if (word(mode) or usual or "").upper() == "HTML" else text
