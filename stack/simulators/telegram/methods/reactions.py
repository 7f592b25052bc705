"""Reactions of the bot to messages."""

from stack.simulators.telegram.reactions import BOT_MOST, EMOJI, words
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Params, bad_request


@method
async def set_message_reaction(state: State, params: Params) -> bool:
    """Set the bot's reaction; none takes it back. People see it; the bot gets no update about its own."""
    chat, message = state.message(params, "to react")
    reaction = params.array("reaction") or []
    for one in reaction:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind == "paid":
            raise bad_request("PAID_REACTIONS_NOT_ALLOWED")
        if kind not in {"emoji", "custom_emoji"}:
            raise bad_request("can't parse reaction types JSON object")
        if kind == "emoji" and one.get("emoji") not in EMOJI:
            raise bad_request("REACTION_INVALID")
    if len(reaction) > BOT_MOST:
        raise bad_request("REACTIONS_TOO_MANY")
    chat.reactions[message["message_id"], state.bot["id"]] = reaction
    if chat.record is not None:
        chat.record.reacted("bot", message["message_id"], words(reaction))
    chat.wake()
    return True
