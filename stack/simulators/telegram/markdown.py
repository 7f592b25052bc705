"""The two Markdown dialects of bots: MarkdownV2, strict about what must be escaped, and the older Markdown."""

import re
from dataclasses import dataclass, field

from stack.simulators.telegram.wire import ApiError, Json, bad_request

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# Longer marks first: "__" is no two "_".
MARKS = {"||": "spoiler", "__": "underline", "*": "bold", "_": "italic", "~": "strikethrough"}
NAMES = {
    "spoiler": "Spoiler",
    "underline": "Underline",
    "bold": "Bold",
    "italic": "Italic",
    "strikethrough": "Strikethrough",
}
LINK_END = re.compile(r"\]\(((?:\\.|[^)\\])*)\)")
OLD_MARKS = {"*": "bold", "_": "italic"}
OLD_ESCAPED = frozenset("_*`[")


@dataclass(slots=True)
class Seen:
    """What people see so far, and its entities."""

    text: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[Json] = field(default_factory=list)

    def add(self, piece: str) -> None:
        """Add text."""
        self.text.append(piece)
        self.length += len(piece) + sum(character > "\uffff" for character in piece)

    def close(self, start: int, entity: Json) -> None:
        """Add an entity that ends here; an empty one is left out."""
        if self.length > start:
            self.entities.append({**entity, "offset": start, "length": self.length - start})

    def result(self) -> tuple[str, list[Json]]:
        """Return the text and the entities in the order they begin."""
        return "".join(self.text), sorted(self.entities, key=lambda one: (one["offset"], -one["length"]))


def parse_markdown_v2(source: str) -> tuple[str, list[Json]]:
    """Read MarkdownV2. Raises the server's 400."""
    seen = Seen()
    opened: list[tuple[str, int, int]] = []  # mark, where it begins in the text, its byte offset
    position, quote = 0, None
    while position < len(source):
        character = source[position]
        begins_line = position == 0 or source[position - 1] == "\n"
        if begins_line and character == ">":
            quote = seen.length if quote is None else quote
            position += 1
            continue
        if begins_line and quote is not None:
            seen.close(quote, {"type": "blockquote"})
            quote = None
        if character == "\\" and position + 1 < len(source) and source[position + 1].isascii():
            seen.add(source[position + 1])
            position += 2
        elif character == "`":
            position = _code(source, position, seen)
        elif character == "[" or source.startswith("![", position):
            opened.append(("[", seen.length, _bytes(source, position)))
            position += 1 if character == "[" else 2
        elif character == "]" and opened and opened[-1][0] == "[":
            position = _link(source, position, seen, opened.pop())
        elif mark := next((mark for mark in MARKS if source.startswith(mark, position)), None):
            if opened and opened[-1][0] == mark:
                seen.close(opened.pop()[1], {"type": MARKS[mark]})
            else:
                opened.append((mark, seen.length, _bytes(source, position)))
            position += len(mark)
        elif character in RESERVED:
            raise _cannot(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        else:
            seen.add(character)
            position += 1
    if opened:
        mark, _, at_byte = opened[-1]
        raise _cannot(f"Can't find end of {NAMES.get(MARKS.get(mark, ''), 'a URL')} entity at byte offset {at_byte}")
    if quote is not None:
        seen.close(quote, {"type": "blockquote"})
    return seen.result()


def parse_markdown(source: str) -> tuple[str, list[Json]]:
    """Read the older Markdown, which does not nest. Raises the server's 400."""
    seen = Seen()
    position = 0
    while position < len(source):
        character = source[position]
        if character == "\\" and source[position + 1 : position + 2] in OLD_ESCAPED:
            seen.add(source[position + 1])
            position += 2
        elif character == "`":
            position = _code(source, position, seen, old=True)
        elif character in OLD_MARKS:
            end = source.find(character, position + 1)
            if end < 0:
                raise _no_end(source, position)
            start = seen.length
            seen.add(source[position + 1 : end])
            seen.close(start, {"type": OLD_MARKS[character]})
            position = end + 1
        elif character == "[" and (label := source.find("]", position)) > 0 and (link := LINK_END.match(source, label)):
            start = seen.length
            seen.add(source[position + 1 : label])
            seen.close(start, {"type": "text_link", "url": link.group(1)})
            position = link.end()
        else:
            seen.add(character)
            position += 1
    return seen.result()


def _code(source: str, position: int, seen: Seen, *, old: bool = False) -> int:
    fence = "```" if source.startswith("```", position) else "`"
    end = source.find(fence, position + len(fence))
    while not old and end > 0 and source[end - 1] == "\\":
        end = source.find(fence, end + 1)
    if end < 0:
        if old:
            raise _no_end(source, position)
        raise _cannot(
            f"Can't find end of {'Pre' if len(fence) == 3 else 'Code'} entity at byte offset {_bytes(source, position)}"
        )
    inside = source[position + len(fence) : end]
    entity: Json = {"type": "pre" if len(fence) == 3 else "code"}
    if len(fence) == 3:
        language, newline, rest = inside.partition("\n")
        if newline and language and not language.isspace():
            entity["language"], inside = language.strip(), rest
        inside = inside.strip("\n")
    start = seen.length
    seen.add(inside if old else re.sub(r"\\([`\\])", r"\1", inside))
    seen.close(start, entity)
    return end + len(fence)


def _link(source: str, position: int, seen: Seen, opened: tuple[str, int, int]) -> int:
    end = LINK_END.match(source, position)
    if end is None:
        raise _cannot(f"Can't find end of a URL at byte offset {_bytes(source, position)}")
    address = re.sub(r"\\(.)", r"\1", end.group(1))
    emoji = re.fullmatch(r"tg://emoji\?id=(\d+)", address)
    entity = {"type": "custom_emoji", "custom_emoji_id": emoji[1]} if emoji else {"type": "text_link", "url": address}
    seen.close(opened[1], entity)
    return end.end()


def _bytes(source: str, position: int) -> int:
    return len(source[:position].encode())


def _no_end(source: str, position: int) -> ApiError:
    return _cannot(f"Can't find end of the entity starting at byte offset {_bytes(source, position)}")


def _cannot(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
