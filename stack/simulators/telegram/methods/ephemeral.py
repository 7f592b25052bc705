"""Changing messages that one person of a group sees."""

from stack.simulators.telegram.ephemeral import find_ephemeral
from stack.simulators.telegram.methods.edits import NOT_MODIFIED
from stack.simulators.telegram.methods.media import read_caption
from stack.simulators.telegram.methods.messages import read_text
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Params, bad_request


@method
async def delete_ephemeral_message(state: State, params: Params) -> bool:
    chat, number, _ = find_ephemeral(state, params)
    del chat.ephemeral[number]
    return True


@method
async def edit_ephemeral_message_text(state: State, params: Params) -> bool:
    chat, number, message = find_ephemeral(state, params)
    if (content := read_text(params)) == message:
        raise bad_request(NOT_MODIFIED)
    chat.ephemeral[number] = content
    return True


@method
async def edit_ephemeral_message_caption(state: State, params: Params) -> bool:
    chat, number, message = find_ephemeral(state, params)
    chat.ephemeral[number] = message | read_caption(params)
    return True
