"""Message texts and their entities: commands that people type, and what a bot writes in HTML or Markdown.

Offsets count UTF-16 code units, as everywhere in Telegram.
"""

import html
import re
from typing import Any

from stack.simulators.telegram.markdown import parse_markdown, parse_markdown_v2
from stack.simulators.telegram.wire import Json, bad_request

COMMAND = re.compile(r"(?<![\w/])/([a-zA-Z0-9_]{1,64})(@[a-zA-Z0-9_]{3,32})?(?![\w/])", re.ASCII)
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[^<>]*)?)>")
ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
PLAIN_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
}


def utf16_length(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def typed_entities(text: str) -> list[Json]:
    """Find the commands in a text that a person typed."""
    return [
        {"type": "bot_command", "offset": utf16_length(text[: found.start()]), "length": len(found.group())}
        for found in COMMAND.finditer(text)
    ]


def checked_entities(given: Any) -> list[Json]:
    """Return the entities that a call gave itself. Raises the server's 400 when they are none."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad_request("can't parse entities: Expected an Array of MessageEntity")
    for one in given:
        if not isinstance(one, dict):
            raise bad_request("can't parse MessageEntity: Expected an Object")
        if not isinstance(one.get("offset"), int) or not isinstance(one.get("length"), int) or not one.get("type"):
            raise bad_request("can't parse MessageEntity: type, offset and length are needed")
    return given


def parse(text: str, mode: str | None) -> tuple[str, list[Json]]:
    """Turn a bot's text into what people see and its entities. Raises the server's 400 when it cannot be parsed."""
    if mode is None:
        return text, []
    if mode.lower() == "html":
        return _parse_html(text)
    if mode.lower() == "markdownv2":
        return parse_markdown_v2(text)
    if mode.lower() == "markdown":
        return parse_markdown(text)
    raise bad_request("unsupported parse_mode")


def _parse_html(source: str) -> tuple[str, list[Json]]:
    out: list[str] = []
    length = 0
    open_tags: list[tuple[str, int, Json]] = []
    entities: list[Json] = []
    position = 0

    def emit(piece: str) -> None:
        nonlocal length
        out.append(piece)
        length += utf16_length(piece)

    while position < len(source):
        if source[position] == "&" and (character := CHARACTER.match(source, position)):
            emit(html.unescape(character.group()))
            position = character.end()
            continue
        if source[position] != "<":
            end = min((at for at in (source.find("<", position), source.find("&", position + 1)) if at > 0), default=-1)
            end = len(source) if end == -1 else end
            emit(source[position:end])
            position = end
            continue
        at_byte = len(source[:position].encode())
        tag = TAG.match(source, position)
        if tag is None:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "" at byte offset {at_byte}')
        closing, name, rest = tag.group(1), tag.group(2).lower(), tag.group(3)
        position = tag.end()
        if not closing:
            open_tags.append((name, length, _entity(name, rest, at_byte)))
            continue
        if not open_tags:
            raise bad_request(f"can't parse entities: Unexpected end tag at byte offset {at_byte}")
        opened, start, entity = open_tags.pop()
        if opened != name:
            raise bad_request(
                f"can't parse entities: Unmatched end tag at byte offset {at_byte}, "
                f'expected "</{opened}>", found "</{name}>"'
            )
        if length > start and not (name == "a" and "url" not in entity):
            span: Json = {"offset": start, "length": length - start}
            if name == "pre" and entities and entities[-1].items() >= {"type": "code", **span}.items():
                entity = {**entities.pop(), "type": "pre"}  # <pre><code class="language-…"> is one block
            entities.append({**entity, **span})
    if open_tags:
        raise bad_request(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1][0]}\"")
    for entity in entities:
        if entity["type"] == "code":
            entity.pop("language", None)
    return "".join(out), sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _entity(name: str, rest: str, at_byte: int) -> Json:
    attributes = {key.lower(): html.unescape(value.strip("\"'")) for key, value in ATTRIBUTE.findall(rest)}
    if name not in PLAIN_TAGS:
        raise bad_request(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {at_byte}')
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise bad_request(f'can\'t parse entities: Tag "span" must have class "tg-spoiler" at byte offset {at_byte}')
    entity: Json = {"type": PLAIN_TAGS[name]}
    if name == "a" and "href" in attributes:
        entity["url"] = attributes["href"]
    if name == "code" and attributes.get("class", "").startswith("language-"):
        entity["language"] = attributes["class"].removeprefix("language-")
    if name == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    if name == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    return entity
