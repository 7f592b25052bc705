"""Sending and deleting messages, chat actions, and answers to pressed buttons."""

from stack.simulators.telegram.chats import Answer
from stack.simulators.telegram.entities import check_length, read_formatted
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.state import METHODS, State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

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
    text, entities = read_formatted(params.text("text"), params.text("parse_mode"), params.structure("entities"))
    if not text.strip():
        raise bad_request("message text is empty")
    check_length(text, LONGEST_TEXT, "message is too long")
    return {"text": text, **({"entities": entities} if entities else {})}


def read_extras(state: State, params: Params, chat_id: int) -> Json:
    """Return the fields of any message: the keyboard, the message it replies to, protection."""
    extras: Json = {}
    markup = read_markup(params)
    if markup is not None and "inline_keyboard" in markup:
        # As in real answers: only inline keyboards are returned; the person still sees the others.
        extras["reply_markup"] = markup
    elif markup is not None:
        state.chats[chat_id].keyboard = None if "remove_keyboard" in markup else markup
    reply = params.mapping("reply_parameters")
    reply_to = Params(reply).integer("message_id") or params.integer("reply_to_message_id")
    if reply_to is not None:
        replied = state.chats[chat_id].messages.get(reply_to)
        if replied is not None:
            extras["reply_to_message"] = {k: v for k, v in replied.items() if k != "reply_to_message"}
        elif not (reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")):
            raise bad_request("message to be replied not found")
    if params.flag("protect_content"):
        extras["has_protected_content"] = True
    return extras


@method
async def send_message(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    return state.from_bot(chat, {**read_text(params), **read_extras(state, params, chat.id)})


@method
async def send_chat_action(state: State, params: Params) -> bool:
    chat = state.writable_chat(params)
    action = params.text("action")
    if action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(action)
    return True


@method
async def delete_message(state: State, params: Params) -> bool:
    chat, message = state.own_message(params, "delete")
    del chat.messages[message["message_id"]]
    chat.wake()
    return True


@method
async def delete_messages(state: State, params: Params) -> bool:
    """Delete messages; unknown ids are skipped."""
    chat = state.chat(params)
    ids = params.array("message_ids") or []
    if not 1 <= len(ids) <= 100 or not all(isinstance(one, int) for one in ids):
        raise bad_request("can't parse message identifiers: Expected an Array of up to 100 Numbers")
    for message_id in ids:
        chat.messages.pop(message_id, None)
    chat.wake()
    return True


@method
async def answer_callback_query(state: State, params: Params) -> bool:
    """Answer a press, once."""
    text = params.text("text")
    check_length(text or "", LONGEST_CALLBACK_ANSWER, "MESSAGE_TOO_LONG")
    query_id = params.text("callback_query_id") or ""
    chat = state.queries.pop(query_id, None)
    if chat is None:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    chat.answered(Answer(query_id, text, params.flag("show_alert"), params.text("url")))
    return True


@method
async def copy_message(state: State, params: Params) -> Json:
    """Send the same content as a new message of the bot; only its id is returned."""
    chat, copied = state.writable_chat(params), _message_elsewhere(state, params, "copy")
    if "invoice" in copied or "successful_payment" in copied:
        raise bad_request("message can't be copied")
    content = {name: value for name, value in copied.items() if name not in NOT_COPIED}
    message = state.from_bot(chat, {**content, **read_extras(state, params, chat.id)})
    return {"message_id": message["message_id"]}


@method
async def forward_message(state: State, params: Params) -> Json:
    chat, forwarded = state.writable_chat(params), _message_elsewhere(state, params, "forward")
    content = {name: value for name, value in forwarded.items() if name not in NOT_COPIED}
    origin: Json = {"type": "user", "sender_user": forwarded["from"], "date": forwarded["date"]}
    return state.from_bot(chat, {**content, "forward_origin": origin})


@method
async def pin_chat_message(state: State, params: Params) -> bool:
    """Check that the message exists; the chat shows no difference."""
    if params.integer("message_id") not in state.chat(params).messages:
        raise bad_request("message not found")
    return True


@method
async def unpin_chat_message(state: State, params: Params) -> bool:
    """Check that the chat exists; without a message id any pinned message is meant."""
    state.chat(params)
    return True


METHODS["setmessagereaction"] = pin_chat_message  # checked in the same way


def _message_elsewhere(state: State, params: Params, action: str) -> Json:
    message = state.chat(params, "from_chat_id").messages.get(params.integer("message_id") or 0)
    if message is None:
        raise bad_request(f"message to {action} not found")
    return message
