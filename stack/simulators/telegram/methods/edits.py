"""Changing messages that the bot sent."""

from collections.abc import Collection

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.methods.media import photo_content, read_caption
from stack.simulators.telegram.methods.messages import read_text
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
CONTENT = ("text", "entities", "caption", "caption_entities", "reply_markup", "photo")


@method
async def edit_message_text(state: State, params: Params) -> Json:
    chat, message = state.own_message(params, "edit")
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return _change(state, chat, message, read_text(params) | _markup(params))


@method
async def edit_message_caption(state: State, params: Params) -> Json:
    chat, message = state.own_message(params, "edit")
    if "photo" not in message and "document" not in message:
        raise bad_request("there is no caption in the message to edit")
    return _change(state, chat, message, read_caption(params) | _markup(params), keep=("photo",))


@method
async def edit_message_media(state: State, params: Params) -> Json:
    """Edit a photo; other kinds are not simulated."""
    chat, message = state.own_message(params, "edit")
    content = await photo_content(state, params, params.structure("media"))
    return _change(state, chat, message, content | _markup(params))


@method
async def edit_message_reply_markup(state: State, params: Params) -> Json:
    """Replace the keyboard; a call without one removes it."""
    chat, message = state.own_message(params, "edit")
    return _change(state, chat, message, _markup(params), keep=set(CONTENT) - {"reply_markup"})


def _markup(params: Params) -> Json:
    markup = read_markup(params, inline_only=True)
    return {} if markup is None else {"reply_markup": markup}


def _change(state: State, chat: Chat, message: Json, content: Json, *, keep: Collection[str] = ()) -> Json:
    """Replace the content but for the fields in `keep`; the same content again is an error, as in Telegram."""
    changed = {name: value for name, value in message.items() if name not in CONTENT or name in keep} | content
    if _comparable(changed) == _comparable(message):
        raise bad_request(NOT_MODIFIED)
    changed["edit_date"] = state.now()
    chat.messages[message["message_id"]] = changed
    chat.show(changed)
    return changed


def _comparable(message: Json) -> Json:
    content = {name: message[name] for name in CONTENT if name in message}
    if "photo" in content:
        content["photo"] = [size["file_unique_id"] for size in content["photo"]]
    return content
