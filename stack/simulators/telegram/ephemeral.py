"""Ephemeral messages: one person of a group sees them, they have no message id, and nobody else knows of them."""

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.state import State
from stack.simulators.telegram.wire import Json, Params, bad_request


def send_ephemeral(state: State, params: Params, chat: Chat, content: Json) -> Json | None:
    """Send to one person of a group, if the call names one (since Bot API 10.3 in an object of its own)."""
    given = Params(params.mapping("ephemeral_message_parameters"))
    receiver_id = given.integer("receiver_user_id") or params.integer("receiver_user_id")
    if receiver_id is None:
        return None
    if chat.as_json["type"] == "private":
        raise bad_request("ephemeral messages can be sent only to groups")
    receiver = state.chats.get(receiver_id)
    if receiver is None:
        raise bad_request("user not found")
    number = len(chat.ephemeral) + 1
    chat.ephemeral[number] = content
    return state.from_bot(
        chat, {"message_id": 0, "receiver_user": receiver.user, "ephemeral_message_id": number, **content}
    )


def find_ephemeral(state: State, params: Params) -> tuple[Chat, int, Json]:
    """Return the ephemeral message that a call changes. Raises the server's 400s."""
    chat, number = state.chat(params), params.integer("ephemeral_message_id") or 0
    message = chat.ephemeral.get(number)
    if message is None:
        raise bad_request("message to edit not found")
    return chat, number, message
