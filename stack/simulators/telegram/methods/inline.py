"""Answers to inline queries, web apps and guests: messages that the bot knows by an inline id only."""

from stack.simulators.telegram.inline_messages import message_of
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

MOST_RESULTS = 50


@method
async def answer_inline_query(state: State, params: Params) -> bool:
    results = params.array("results")
    if results is None or not all(isinstance(one, dict) and one.get("id") for one in results):
        raise bad_request("expected an Array of inline query results")
    if len(results) > MOST_RESULTS:
        raise bad_request("too many inline query results specified")
    query_id = params.text("inline_query_id")
    state.inline.take(query_id)
    state.inline.results[query_id or ""] = results
    state.wake_all()
    return True


@method
async def answer_web_app_query(state: State, params: Params) -> Json:
    state.inline.take(params.text("web_app_query_id"))
    return {"inline_message_id": state.inline.add(message_of(_result(params)))}


@method
async def answer_guest_query(state: State, params: Params) -> Json:
    """Answer a message in a chat that the bot is no member of."""
    state.inline.take(params.text("guest_query_id"))
    message_id = state.inline.add(message_of(_result(params)))
    state.wake_all()
    return {"inline_message_id": message_id}


def _result(params: Params) -> Json:
    result = params.mapping("result")
    if not result.get("id"):
        raise bad_request("result isn't specified")
    return result
