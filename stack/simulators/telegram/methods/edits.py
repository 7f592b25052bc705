"""Changing messages that the bot sent."""

from typing import Any

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.methods.media import photo_content, read_caption
from stack.simulators.telegram.methods.messages import read_text
from stack.simulators.telegram.wire import Json, Params, bad_request
from stack.simulators.telegram.world import World

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
CONTENT = ("text", "entities", "caption", "caption_entities", "reply_markup", "photo")


async def edit_message_text(world: World, params: Params) -> Json:
    """`editMessageText`."""
    chat, message = world.own_message(params, "edit")
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return _change(world, chat, message, {**read_text(params), **_markup(params)}, keep=())


async def edit_message_caption(world: World, params: Params) -> Json:
    """`editMessageCaption`."""
    chat, message = world.own_message(params, "edit")
    if "photo" not in message and "document" not in message:
        raise bad_request("there is no caption in the message to edit")
    caption = read_caption(params.text("caption"), params.text("parse_mode"), params.structure("caption_entities"))
    return _change(world, chat, message, {**caption, **_markup(params)}, keep=("photo",))


async def edit_message_media(world: World, params: Params) -> Json:
    """`editMessageMedia`, for photos."""
    chat, message = world.own_message(params, "edit")
    content = await photo_content(world, params, params.structure("media"))
    return _change(world, chat, message, {**content, **_markup(params)}, keep=())


async def edit_message_reply_markup(world: World, params: Params) -> Json:
    """`editMessageReplyMarkup`; none removes the keyboard."""
    chat, message = world.own_message(params, "edit")
    return _change(world, chat, message, _markup(params), keep=[name for name in CONTENT if name != "reply_markup"])


def _markup(params: Params) -> Json:
    markup = read_markup(params, inline_only=True)
    return {} if markup is None else {"reply_markup": markup}


def _change(world: World, chat: Chat, message: Json, content: Json, *, keep: Any) -> Json:
    """Replace the content in place, but for the fields in `keep`; the same again is an error, as in Telegram."""
    before = _comparable(message)
    changed = {name: value for name, value in message.items() if name not in CONTENT or name in keep} | content
    if _comparable(changed) == before:
        raise bad_request(NOT_MODIFIED)
    changed["edit_date"] = world.now()
    chat.messages[message["message_id"]] = changed
    chat.show(changed, edited=True)
    return changed


def _comparable(message: Json) -> Json:
    content = {name: message[name] for name in CONTENT if name in message}
    if "photo" in content:
        content["photo"] = [size["file_unique_id"] for size in content["photo"]]
    return content


METHODS: dict[str, Any] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
}
