"""What a bot does for a business account."""

from stack.simulators.telegram.methods.messages import read_ids
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request


@method
async def get_business_connection(state: State, params: Params) -> Json:
    connection = state.business.get(params.text("business_connection_id") or "")
    if connection is None:
        raise bad_request("business connection not found")
    return connection.as_json


@method
async def delete_business_messages(state: State, params: Params) -> bool:
    """Delete messages of one chat of the account."""
    connection = state.business.get(params.text("business_connection_id") or "")
    if connection is None:
        raise bad_request("business connection not found")
    for message_id in read_ids(params):
        for chat in connection.chats.values():
            if message_id in chat.messages:
                state.delete(chat, message_id)
    return True


@method
async def read_business_message(state: State, params: Params) -> bool:
    """Mark messages as read, which nobody sees here."""
    state.message(params, "to read")
    return True
