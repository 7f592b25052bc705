"""Copying and forwarding messages of either side, one or many."""

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.methods.media import read_caption
from stack.simulators.telegram.methods.messages import read_extras, read_ids
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

NOT_COPIED = frozenset(
    {
        "message_id", "from", "chat", "date", "edit_date", "reply_markup", "reply_to_message", "business_connection_id",
        "sender_business_bot", "message_thread_id", "is_topic_message", "forward_origin", "sender_chat", "is_automatic_forward",
    }
)  # fmt: skip
NEVER_COPIED = frozenset({"invoice", "successful_payment", "refunded_payment", "paid_media", "web_app_data", "gift"})


@method
async def copy_message(state: State, params: Params) -> Json:
    """Send the same content as a new message of the bot; only its id is returned."""
    chat = state.writable_chat(params)
    _, copied = state.message(params, "to copy", "from_chat_id")
    if not _can_be_copied(copied):
        raise bad_request("message can't be copied")
    content = _content(copied)
    if params.text("caption") is not None and "text" not in content:
        content = {k: v for k, v in content.items() if k not in {"caption", "caption_entities"}} | read_caption(params)
    content.pop("media_group_id", None)
    return {"message_id": state.from_bot(chat, {**content, **read_extras(params, chat)})["message_id"]}


@method
async def copy_messages(state: State, params: Params) -> list[Json]:
    """Copy many; those that cannot be found or copied are skipped, and albums stay albums."""
    chat, source = state.writable_chat(params), state.chat(params, "from_chat_id")
    extras, albums = read_extras(params, chat), _Albums(state)
    found = [source.messages[number] for number in sorted(read_ids(params)) if number in source.messages]
    contents = [_content(message) | albums.of(message) | extras for message in found if _can_be_copied(message)]
    if not contents:
        raise bad_request("there are no messages to copy")
    if params.flag("remove_caption"):
        contents = [{k: v for k, v in one.items() if k not in {"caption", "caption_entities"}} for one in contents]
    return [{"message_id": state.from_bot(chat, content)["message_id"]} for content in contents]


@method
async def forward_message(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    _, forwarded = state.message(params, "to forward", "from_chat_id")
    if not _can_be_forwarded(forwarded):
        raise bad_request("message can't be forwarded")
    return _forward(chat, forwarded, state, params)


@method
async def forward_messages(state: State, params: Params) -> list[Json]:
    """Forward many; those that cannot be found or forwarded are skipped."""
    chat, source = state.writable_chat(params), state.chat(params, "from_chat_id")
    found = [source.messages[number] for number in sorted(read_ids(params)) if number in source.messages]
    albums = _Albums(state)
    sent = [_forward(chat, one, state, params, albums.of(one)) for one in found if _can_be_forwarded(one)]
    if not sent:
        raise bad_request("there are no messages to forward")
    return [{"message_id": message["message_id"]} for message in sent]


class _Albums:
    """New ids for the albums among copied messages."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, str] = {}

    def of(self, message: Json) -> Json:
        album = message.get("media_group_id")
        return {"media_group_id": self._known.setdefault(album, self._state.album_id())} if album else {}


def _content(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in NOT_COPIED}


def _can_be_copied(message: Json) -> bool:
    quiz_without_answer = (
        "poll" in message and message["poll"]["type"] == "quiz" and "correct_option_ids" not in message["poll"]
    )
    return not (NEVER_COPIED & message.keys() or quiz_without_answer)


def _can_be_forwarded(message: Json) -> bool:
    return not message.get("has_protected_content") and not {"successful_payment", "refunded_payment"} & message.keys()


def _forward(chat: Chat, message: Json, state: State, params: Params, album: Json | None = None) -> Json:
    origin = message.get("forward_origin") or {"type": "user", "sender_user": message["from"], "date": message["date"]}
    content = {name: value for name, value in _content(message).items() if name != "media_group_id"}
    return state.from_bot(chat, {**content, "forward_origin": origin, **(album or {}), **read_extras(params, chat)})
