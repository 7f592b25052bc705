"""Sending and deleting messages, chat actions, and answers to pressed buttons."""

from stack.simulators.telegram.chats import Answer, Chat
from stack.simulators.telegram.entities import check_length, read_formatted
from stack.simulators.telegram.ephemeral import send_ephemeral
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

LONGEST_TEXT = 4096
LONGEST_CALLBACK_ANSWER = 200
DELETABLE_SECONDS = 48 * 3600
MOST_IDS = 100
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


def read_ids(params: Params) -> list[int]:
    """Return `message_ids`, checked."""
    ids = params.array("message_ids")
    if not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > MOST_IDS:
        raise bad_request("too many message identifiers specified")
    if not all(isinstance(one, int) for one in ids):
        raise bad_request("message identifier must be a Number")
    if not all(one > 0 for one in ids):
        raise bad_request("invalid message identifier specified")
    return list(ids)


def read_extras(params: Params, chat: Chat) -> Json:
    """Return the fields of any message: the keyboard, the message it replies to, the topic, protection."""
    extras: Json = _thread(params, chat)
    markup = read_markup(params)
    if markup is not None and "inline_keyboard" in markup:
        # As in real answers: only inline keyboards are returned; the person still sees the others.
        extras["reply_markup"] = markup
    elif markup is not None:
        chat.keyboard = None if "remove_keyboard" in markup else markup
    reply = params.mapping("reply_parameters")
    reply_to = Params(reply).integer("message_id") or params.integer("reply_to_message_id")
    if reply_to is not None:
        replied = chat.messages.get(reply_to)
        if replied is not None:
            extras["reply_to_message"] = {k: v for k, v in replied.items() if k != "reply_to_message"}
        elif not (reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")):
            raise bad_request("message to be replied not found")
    if params.flag("protect_content"):
        extras["has_protected_content"] = True
    return extras


def post(state: State, params: Params, chat: Chat, content: Json) -> Json:
    """Post a message with the fields that any message has, to one person of the group if the call names one."""
    content = {**content, **read_extras(params, chat)}
    return send_ephemeral(state, params, chat, content) or state.from_bot(chat, content)


def _thread(params: Params, chat: Chat) -> Json:
    thread = params.integer("message_thread_id")
    if thread is None:
        return {}
    if thread not in chat.threads:
        raise bad_request("message thread not found")
    return {"message_thread_id": thread, "is_topic_message": True}


@method
async def send_message(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    return post(state, params, chat, read_text(params))


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
    chat, message = state.message(params, "to delete")
    if message["date"] < state.now() - DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    state.delete(chat, message["message_id"])
    return True


@method
async def delete_messages(state: State, params: Params) -> bool:
    """Delete messages; unknown ids are skipped."""
    chat = state.chat(params)
    for message_id in read_ids(params):
        if message_id in chat.messages:
            state.delete(chat, message_id)
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
    if text and chat.record is not None:
        chat.record.answered(state.bot["id"], text, alert=params.flag("show_alert"))
    return True


@method
async def pin_chat_message(state: State, params: Params) -> bool:
    """Check that the message exists; the chat shows no difference."""
    state.message(params, "to pin")
    return True


@method
async def unpin_chat_message(state: State, params: Params) -> bool:
    """Check that the chat exists; without a message id any pinned message is meant."""
    state.chat(params)
    return True


@method
async def create_forum_topic(state: State, params: Params) -> Json:
    """Begin a topic of a group."""
    chat = state.writable_chat(params)
    thread, name = state.message_id(), params.text("name")
    if name is None:
        raise bad_request("TOPIC_TITLE_EMPTY")
    chat.threads.add(thread)
    return {"message_thread_id": thread, "name": name, "icon_color": 7322096}
