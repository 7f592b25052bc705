"""Answers that are streamed, and rich messages.

Of a rich message the text is kept, paragraph by paragraph; its formatting is not simulated.
"""

import re

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.entities import check_length, parse, read_formatted
from stack.simulators.telegram.methods.messages import LONGEST_TEXT, read_extras
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

LONGEST_RICH_TEXT = 32_768
PARAGRAPH = re.compile(r"</?(?:p|h[1-6])>|\n\n+")


@method
async def send_message_draft(state: State, params: Params) -> bool:
    """Show a partial answer; it is no message, and the next message of the bot replaces it."""
    text, _ = read_formatted(params.text("text"), params.text("parse_mode"), params.structure("entities"))
    check_length(text, LONGEST_TEXT, "message is too long")
    return _draft(_draft_chat(state, params), params, text)


@method
async def send_rich_message_draft(state: State, params: Params) -> bool:
    return _draft(_draft_chat(state, params), params, "\n".join(block["text"] for block in read_rich(params)["blocks"]))


@method
async def send_rich_message(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    return state.from_bot(chat, {"rich_message": read_rich(params), **read_extras(params, chat)})


def read_rich(params: Params) -> Json:
    """Return the RichMessage object that a call describes by HTML, Markdown or blocks."""
    given = params.mapping("rich_message")
    if sum(given.get(name) is not None for name in ("html", "markdown", "blocks")) != 1:
        raise bad_request("exactly one of the fields html, markdown and blocks must be used in the rich message")
    if isinstance(given.get("blocks"), list):
        texts = [block.get("text") for block in given["blocks"] if isinstance(block, dict)]
    else:
        source = str(given.get("html") or given.get("markdown") or "")
        mode = "HTML" if given.get("html") else None
        texts = [parse(piece, mode)[0].strip() for piece in PARAGRAPH.split(source)]
    blocks = [{"type": "paragraph", "text": text} for text in texts if isinstance(text, str) and text]
    if not blocks:
        raise bad_request("message text is empty")
    check_length("".join(str(block["text"]) for block in blocks), LONGEST_RICH_TEXT, "message is too long")
    return {"blocks": blocks}


def _draft_chat(state: State, params: Params) -> Chat:
    chat = state.writable_chat(params)
    if chat.as_json["type"] != "private":
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    if not params.integer("draft_id"):
        raise bad_request("RANDOM_ID_INVALID")
    return chat


def _draft(chat: Chat, params: Params, text: str) -> bool:
    chat.drafts[params.integer("draft_id") or 0] = text
    chat.wake()
    return True
