"""Message texts and their entities: commands that people type, and the HTML and Markdown of bots.

Offsets count UTF-16 code units, as everywhere in Telegram; errors name byte offsets, as the real server's do.
"""

import html
import re
from collections.abc import Callable
from typing import Any

from stack.simulators.telegram.wire import ApiError, Json, bad_request

COMMAND = re.compile(r"(?<![\w/])/([a-zA-Z0-9_]{1,64})(@[a-zA-Z0-9_]{3,32})?(?![\w/])", re.ASCII)
HTML = re.compile(
    r"(?P<character>&(?:lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)"
    r"|<(?P<closing>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9-]*)(?P<attributes>(?:\s+[^<>]*)?)>|(?P<text>&|[^<&]+)|<"
)
ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# Longer marks first: "__" is not two "_".
MARKS = {"||": "spoiler", "__": "underline", "*": "bold", "_": "italic", "~": "strikethrough"}
LINK_END = re.compile(r"\]\(((?:\\.|[^)\\])*)\)")
LEGACY_MARKS = {"*": "bold", "_": "italic"}
LEGACY_ESCAPED = frozenset("_*`[")


class _Formatted:
    """The visible text so far, and its entities."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.text: list[str] = []
        self.length = 0
        self.entities: list[Json] = []

    def add(self, piece: str) -> None:
        self.text.append(piece)
        self.length += utf16_length(piece)

    def close(self, start: int, entity: Json) -> None:
        """Add an entity that ends here; an empty one is left out."""
        if self.length > start:
            self.entities.append({**entity, "offset": start, "length": self.length - start})

    def error(self, reason: str, position: int | None = None) -> ApiError:
        where = "" if position is None else f" at byte offset {self.byte(position)}"
        return bad_request(f"can't parse entities: {reason}{where}")

    def byte(self, position: int) -> int:
        return len(self.source[:position].encode())

    def result(self) -> tuple[str, list[Json]]:
        return "".join(self.text), sorted(self.entities, key=lambda one: (one["offset"], -one["length"]))


def utf16_length(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def check_length(text: str, longest: int, complaint: str) -> None:
    """Raise the server's 400 when a text is longer than Telegram allows."""
    if utf16_length(text) > longest:
        raise bad_request(complaint)


def typed_entities(text: str) -> list[Json]:
    """Find the commands in a text that a person typed."""
    return [
        {"type": "bot_command", "offset": utf16_length(text[: found.start()]), "length": len(found.group())}
        for found in COMMAND.finditer(text)
    ]


def read_formatted(text: str | None, mode: str | None, entities: Any) -> tuple[str, list[Json]]:
    """Return a bot's text as people see it and its entities: those given with the call, or those of the parse mode."""
    if entities is not None and not isinstance(entities, list):
        raise bad_request("can't parse entities: Expected an Array of MessageEntity")
    for one in entities or ():
        if not isinstance(one, dict):
            raise bad_request("can't parse MessageEntity: Expected an Object")
        if not isinstance(one.get("offset"), int) or not isinstance(one.get("length"), int) or not one.get("type"):
            raise bad_request("can't parse MessageEntity: type, offset and length are needed")
    shown, parsed = parse(text or "", None if entities else mode)
    found = entities or parsed
    # Entities of a bot keep their offsets only when nothing before them is cut.
    return (shown.rstrip() if found else shown.strip()), found


def parse(text: str, mode: str | None) -> tuple[str, list[Json]]:
    """Turn a bot's text into what people see and its entities. Raises the server's 400 when it cannot be parsed."""
    if mode is None:
        return text, []
    if mode.lower() not in PARSERS:
        raise bad_request("unsupported parse_mode")
    formatted = _Formatted(text)
    PARSERS[mode.lower()](formatted)
    return formatted.result()


def _parse_html(out: _Formatted) -> None:
    opened: list[tuple[str, int, Json]] = []
    for found in HTML.finditer(out.source):
        tag = (found["tag"] or "").lower()
        if not found.group().startswith("<"):
            out.add(html.unescape(found["character"]) if found["character"] else found["text"])
        elif not tag:
            raise out.error('Unsupported start tag ""', found.start())
        elif not found["closing"]:
            opened.append((tag, out.length, _html_entity(out, tag, found)))
        elif not opened:
            raise out.error("Unexpected end tag", found.start())
        else:
            expected, start, entity = opened.pop()
            if expected != tag:
                at = out.byte(found.start())
                raise out.error(f'Unmatched end tag at byte offset {at}, expected "</{expected}>", found "</{tag}>"')
            span = {"type": "code", "offset": start, "length": out.length - start}
            if tag == "pre" and out.entities and out.entities[-1].items() >= span.items():
                entity = {**out.entities.pop(), "type": "pre"}  # <pre><code class="language-…"> is one block
            if tag != "a" or "url" in entity:
                out.close(start, entity)
    if opened:
        raise out.error(f'Can\'t find end tag corresponding to start tag "{opened[-1][0]}"')
    for entity in out.entities:
        if entity["type"] == "code":
            entity.pop("language", None)


def _html_entity(out: _Formatted, tag: str, found: re.Match[str]) -> Json:
    attributes = {
        key.lower(): html.unescape(value.strip("\"'")) for key, value in ATTRIBUTE.findall(found["attributes"])
    }
    if tag not in TAGS:
        raise out.error(f'Unsupported start tag "{tag}"', found.start())
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise out.error('Tag "span" must have class "tg-spoiler"', found.start())
    entity: Json = {"type": TAGS[tag]}
    if tag == "a" and "href" in attributes:
        entity["url"] = attributes["href"]
    if tag == "code" and attributes.get("class", "").startswith("language-"):
        entity["language"] = attributes["class"].removeprefix("language-")
    if tag == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    if tag == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    return entity


def _parse_markdown_v2(out: _Formatted) -> None:
    source, position, quote = out.source, 0, None
    opened: list[tuple[str, int, int]] = []  # mark, where it begins in the text, its position in the source
    while position < len(source):
        character = source[position]
        begins_line = position == 0 or source[position - 1] == "\n"
        if begins_line and character == ">":
            quote = out.length if quote is None else quote
            position += 1
            continue
        if begins_line and quote is not None:
            out.close(quote, {"type": "blockquote"})
            quote = None
        if character == "\\" and position + 1 < len(source) and source[position + 1].isascii():
            out.add(source[position + 1])
            position += 2
        elif character == "`":
            position = _parse_code(out, position)
        elif character == "[" or source.startswith("![", position):
            opened.append(("[", out.length, position))
            position += 1 if character == "[" else 2
        elif character == "]" and opened and opened[-1][0] == "[":
            position = _parse_link(out, position, opened.pop()[1])
        elif mark := next((mark for mark in MARKS if source.startswith(mark, position)), None):
            if opened and opened[-1][0] == mark:
                out.close(opened.pop()[1], {"type": MARKS[mark]})
            else:
                opened.append((mark, out.length, position))
            position += len(mark)
        elif character in RESERVED:
            raise out.error(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        else:
            out.add(character)
            position += 1
    if opened:
        mark, _, at = opened[-1]
        raise out.error(f"Can't find end of {MARKS[mark].title() if mark in MARKS else 'a URL'} entity", at)
    if quote is not None:
        out.close(quote, {"type": "blockquote"})


def _parse_markdown(out: _Formatted) -> None:
    """Read the older Markdown, whose entities do not nest."""
    source, position = out.source, 0
    while position < len(source):
        character, start = source[position], out.length
        if character == "\\" and source[position + 1 : position + 2] in LEGACY_ESCAPED:
            out.add(source[position + 1])
            position += 2
        elif character == "`":
            position = _parse_code(out, position, legacy=True)
        elif character in LEGACY_MARKS:
            end = source.find(character, position + 1)
            if end < 0:
                raise out.error("Can't find end of the entity starting", position)
            out.add(source[position + 1 : end])
            out.close(start, {"type": LEGACY_MARKS[character]})
            position = end + 1
        elif character == "[" and (label := source.find("]", position)) > 0 and (link := LINK_END.match(source, label)):
            out.add(source[position + 1 : label])
            out.close(start, {"type": "text_link", "url": link.group(1)})
            position = link.end()
        else:
            out.add(character)
            position += 1


def _parse_code(out: _Formatted, position: int, *, legacy: bool = False) -> int:
    source, start = out.source, out.length
    fence, kind = ("```", "pre") if source.startswith("```", position) else ("`", "code")
    end = source.find(fence, position + len(fence))
    while not legacy and end > 0 and source[end - 1] == "\\":
        end = source.find(fence, end + 1)
    if end < 0:
        raise out.error(f"Can't find end of {'the entity starting' if legacy else f'{kind.title()} entity'}", position)
    inside, entity = source[position + len(fence) : end], {"type": kind}
    if kind == "pre":
        language, newline, rest = inside.partition("\n")
        if newline and language.strip():
            entity["language"], inside = language.strip(), rest
        inside = inside.strip("\n")
    out.add(inside if legacy else re.sub(r"\\([`\\])", r"\1", inside))
    out.close(start, entity)
    return end + len(fence)


def _parse_link(out: _Formatted, position: int, start: int) -> int:
    end = LINK_END.match(out.source, position)
    if end is None:
        raise out.error("Can't find end of a URL", position)
    address = re.sub(r"\\(.)", r"\1", end.group(1))
    emoji = re.fullmatch(r"tg://emoji\?id=(\d+)", address)
    out.close(
        start, {"type": "custom_emoji", "custom_emoji_id": emoji[1]} if emoji else {"type": "text_link", "url": address}
    )
    return end.end()


PARSERS: dict[str, Callable[[_Formatted], None]] = {
    "html": _parse_html, "markdownv2": _parse_markdown_v2, "markdown": _parse_markdown,
}  # fmt: skip
