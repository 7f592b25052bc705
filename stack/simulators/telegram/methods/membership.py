"""Requests to join a chat."""

from stack.simulators.telegram.state import METHODS, State
from stack.simulators.telegram.wire import Params, bad_request


async def _decide(state: State, params: Params) -> bool:
    chat, user_id = state.chat(params), params.integer("user_id")
    if user_id not in chat.join_requests:
        raise bad_request("HIDE_REQUESTER_MISSING")
    chat.join_requests.remove(user_id)
    return True


METHODS |= dict.fromkeys(("approvechatjoinrequest", "declinechatjoinrequest"), _decide)
