"""Changing messages that the bot sent."""

from collections.abc import Collection

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.methods.drafts import read_rich
from stack.simulators.telegram.methods.media import media_content, read_caption
from stack.simulators.telegram.methods.messages import read_text
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
CAPTIONED = frozenset({"photo", "document", "animation", "audio", "video", "voice", "live_photo", "paid_media"})
CONTENT = (
    "text",
    "entities",
    "rich_message",
    "caption",
    "caption_entities",
    "reply_markup",
    "has_media_spoiler",
    *CAPTIONED,
)


@method
async def edit_message_text(state: State, params: Params) -> Json | bool:
    """Replace a text by a text or a rich message."""
    content = {"rich_message": read_rich(params)} if params.mapping("rich_message") else read_text(params)
    if params.text("inline_message_id"):
        return _change_inline(state, params, content)
    chat, message = state.own_message(params)
    if not {"text", "rich_message"} & message.keys():
        raise bad_request("there is no text in the message to edit")
    return _change(state, chat, message, content | _markup(params))


@method
async def edit_message_caption(state: State, params: Params) -> Json | bool:
    if params.text("inline_message_id"):
        return _change_inline(state, params, read_caption(params), keep=CAPTIONED)
    chat, message = state.own_message(params)
    if not CAPTIONED & message.keys():
        raise bad_request("there is no caption in the message to edit")
    return _change(state, chat, message, read_caption(params) | _markup(params), keep=CAPTIONED)


@method
async def edit_message_media(state: State, params: Params) -> Json | bool:
    """Replace the file of a message, or a text by a file."""
    if params.text("inline_message_id"):
        return _change_inline(state, params, await media_content(state, params, params.structure("media")))
    chat, message = state.own_message(params)
    if not (CAPTIONED | {"text"}) & message.keys():
        raise bad_request("there is no media in the message to edit")
    content = await media_content(state, params, params.structure("media"))
    return _change(state, chat, message, content | _markup(params))


@method
async def edit_message_reply_markup(state: State, params: Params) -> Json | bool:
    """Replace the keyboard; a call without one removes it."""
    keep = set(CONTENT) - {"reply_markup"}
    if params.text("inline_message_id"):
        return _change_inline(state, params, {}, keep=keep)
    chat, message = state.own_message(params)
    return _change(state, chat, message, _markup(params), keep=keep)


def _markup(params: Params) -> Json:
    markup = read_markup(params, inline_only=True)
    return {} if markup is None else {"reply_markup": markup}


def _changed(message: Json, content: Json, keep: Collection[str]) -> Json:
    """Return the message with other content but for the fields in `keep`; the same again is an error, as in Telegram."""
    changed = {name: value for name, value in message.items() if name not in CONTENT or name in keep} | content
    if _comparable(changed) == _comparable(message):
        raise bad_request(NOT_MODIFIED)
    return changed


def _change(state: State, chat: Chat, message: Json, content: Json, *, keep: Collection[str] = ()) -> Json:
    changed = _changed(message, content, keep)
    state.edit(chat, changed)
    chat.show(changed)
    return changed


def _change_inline(state: State, params: Params, content: Json, *, keep: Collection[str] = ()) -> bool:
    """Edit a message that the bot knows by its inline id only; it gets True and never the message."""
    changed = _changed(state.inline.find(params), content | _markup(params), keep)
    state.inline.messages[params.text("inline_message_id") or ""] = changed
    state.wake_all()
    return True


def _comparable(message: Json) -> Json:
    """Return the content with files as what they hold: sent again, a file has another id."""
    return {name: _unique(message[name]) if name in CAPTIONED else message[name] for name in CONTENT if name in message}


def _unique(file: object) -> object:
    if isinstance(file, list):
        return [_unique(one) for one in file]
    return file.get("file_unique_id", file) if isinstance(file, dict) else file
