"""Sending and deleting messages, chat actions, and answers to pressed buttons."""

from typing import Any

from stack.simulators.telegram.chats import Answer
from stack.simulators.telegram.entities import checked_entities, parse
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.wire import Json, Params, bad_request
from stack.simulators.telegram.world import World, check_length

LONGEST_TEXT = 4096
LONGEST_CALLBACK_ANSWER = 200
NOT_COPIED = frozenset({"message_id", "from", "chat", "date", "edit_date", "reply_markup", "reply_to_message"})
CHAT_ACTIONS = frozenset(
    {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
        "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    }
)  # fmt: skip


def read_text(params: Params) -> Json:
    """Return `text` and `entities` of a message, checked as the server checks them."""
    raw = params.text("text")
    given = checked_entities(params.structure("entities"))
    text, entities = parse(raw or "", None if given else params.text("parse_mode"))
    # Entities of a bot keep their offsets only when nothing before them is cut.
    text = text.rstrip() if (given or entities) else text.strip()
    if not text.strip():
        raise bad_request("message text is empty")
    check_length(text, LONGEST_TEXT, "message is too long")
    content: Json = {"text": text}
    if given or entities:
        content["entities"] = given or entities
    return content


def read_extras(world: World, params: Params, chat_id: int) -> Json:
    """Return what any message may have: the keyboard, the message it replies to, protection."""
    extras: Json = {}
    markup = read_markup(params)
    if markup is not None and "inline_keyboard" in markup:
        # As in real answers: only inline keyboards are echoed; the person still sees the others.
        extras["reply_markup"] = markup
    elif markup is not None:
        world.chats[chat_id].keyboard = None if "remove_keyboard" in markup else markup
    reply = params.mapping("reply_parameters")
    reply_to = Params(reply).integer("message_id") or params.integer("reply_to_message_id")
    if reply_to is not None:
        replied = world.chats[chat_id].messages.get(reply_to)
        if replied is not None:
            extras["reply_to_message"] = {k: v for k, v in replied.items() if k != "reply_to_message"}
        elif not (reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")):
            raise bad_request("message to be replied not found")
    if params.flag("protect_content"):
        extras["has_protected_content"] = True
    return extras


async def send_message(world: World, params: Params) -> Json:
    """`sendMessage`."""
    chat = world.writable_chat(params)
    return world.from_bot(chat, {**read_text(params), **read_extras(world, params, chat.id)})


async def send_chat_action(world: World, params: Params) -> bool:
    """`sendChatAction`."""
    chat = world.writable_chat(params)
    action = params.text("action")
    if action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(action)
    return True


async def delete_message(world: World, params: Params) -> bool:
    """`deleteMessage`."""
    chat, message = world.own_message(params, "delete")
    del chat.messages[message["message_id"]]
    chat.wake()
    return True


async def delete_messages(world: World, params: Params) -> bool:
    """`deleteMessages`: unknown ids are skipped."""
    chat = world.chat(params)
    ids = params.array("message_ids") or []
    if not 1 <= len(ids) <= 100 or not all(isinstance(one, int) for one in ids):
        raise bad_request("can't parse message identifiers: Expected an Array of up to 100 Numbers")
    for message_id in ids:
        chat.messages.pop(message_id, None)
    chat.wake()
    return True


async def answer_callback_query(world: World, params: Params) -> bool:
    """`answerCallbackQuery`: once for each press."""
    text = params.text("text")
    if text is not None:
        check_length(text, LONGEST_CALLBACK_ANSWER, "MESSAGE_TOO_LONG")
    query = world.queries.pop(params.text("callback_query_id") or "", None)
    if query is None:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    query.chat.answered(Answer(query.id, text, params.flag("show_alert"), params.text("url")))
    return True


async def copy_message(world: World, params: Params) -> Json:
    """`copyMessage`: the same content as a new message of the bot; only its id is returned."""
    chat, copied = world.writable_chat(params), _message_elsewhere(world, params, "copy")
    if "invoice" in copied or "successful_payment" in copied:
        raise bad_request("message can't be copied")
    content = {name: value for name, value in copied.items() if name not in NOT_COPIED}
    message = world.from_bot(chat, {**content, **read_extras(world, params, chat.id)})
    return {"message_id": message["message_id"]}


async def forward_message(world: World, params: Params) -> Json:
    """`forwardMessage`."""
    chat, forwarded = world.writable_chat(params), _message_elsewhere(world, params, "forward")
    content = {name: value for name, value in forwarded.items() if name not in NOT_COPIED}
    origin: Json = {"type": "user", "sender_user": forwarded["from"], "date": forwarded["date"]}
    return world.from_bot(chat, {**content, "forward_origin": origin})


async def touch_message(world: World, params: Params) -> bool:
    """`setMessageReaction`, `pinChatMessage`: the message must be there; what people see does not change."""
    message_id = params.integer("message_id")
    if message_id not in world.chat(params).messages:
        raise bad_request("message not found")
    return True


async def unpin_message(world: World, params: Params) -> bool:
    """`unpinChatMessage`: without a message id, whatever is pinned."""
    world.chat(params)
    return True


def _message_elsewhere(world: World, params: Params, doing: str) -> Json:
    message = world.chat(params, "from_chat_id").messages.get(params.integer("message_id") or 0)
    if message is None:
        raise bad_request(f"message to {doing} not found")
    return message


METHODS: dict[str, Any] = {
    "sendMessage": send_message,
    "sendChatAction": send_chat_action,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "copyMessage": copy_message,
    "forwardMessage": forward_message,
    "setMessageReaction": touch_message,
    "pinChatMessage": touch_message,
    "unpinChatMessage": unpin_message,
    "answerCallbackQuery": answer_callback_query,
}
