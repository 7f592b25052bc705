"""Polls and quizzes of the bot."""

from stack.simulators.telegram.entities import read_formatted
from stack.simulators.telegram.markup import read_markup
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

LONGEST_QUESTION, LONGEST_OPTION, MOST_OPTIONS = 300, 100, 12


@method
async def send_poll(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    question, _ = read_formatted(params.text("question"), params.text("question_parse_mode"), None)
    if not 1 <= len(question) <= LONGEST_QUESTION:
        raise bad_request("poll question length must not exceed 300" if question else "poll question must be non-empty")
    kind = params.text("type") or "regular"
    if kind not in {"regular", "quiz"}:
        raise bad_request("unsupported poll type specified")
    options, extras = _options(params), read_extras(params, chat)
    correct = None
    if kind == "quiz":
        correct = params.array("correct_option_ids")
        if correct is None and (one := params.integer("correct_option_id")) is not None:
            correct = [one]
        if not correct or not all(isinstance(one, int) and 0 <= one < len(options) for one in correct):
            raise bad_request("wrong correct option ID specified")
    poll = state.polls.add(
        question,
        options,
        is_anonymous=params.text("is_anonymous") is None or params.flag("is_anonymous"),
        multiple=params.flag("allows_multiple_answers"),
        correct=correct,
        explanation=params.text("explanation"),
        revoting=kind != "quiz" if params.text("allows_revoting") is None else params.flag("allows_revoting"),
        is_closed=params.flag("is_closed"),
    )
    return state.from_bot(chat, {"poll": poll.as_json, **extras})


@method
async def stop_poll(state: State, params: Params) -> Json:
    chat, message = state.message(params, "with poll to stop")
    if message["from"]["id"] != state.bot["id"]:
        raise bad_request("poll can't be stopped")
    poll, markup = state.polls.of(message), read_markup(params, inline_only=True)
    if poll.is_closed:
        raise bad_request("poll has already been closed")
    poll.is_closed = True
    kept = {name: value for name, value in message.items() if name != "reply_markup"}
    state.edit(chat, {**kept, "poll": poll.as_json, **({"reply_markup": markup} if markup else {})})
    chat.show(chat.messages[message["message_id"]])
    state.updates.put("poll", poll.as_json)
    return poll.as_json


def _options(params: Params) -> list[str]:
    given = params.array("options")
    if given is None:
        raise bad_request("can't parse options JSON object")
    texts = [one.get("text") if isinstance(one, dict) else one for one in given]
    if not 1 <= len(texts) <= MOST_OPTIONS:
        raise bad_request("poll can't have more than 12 options" if texts else "poll must have at least 1 option")
    for text in texts:
        if not isinstance(text, str):
            raise bad_request("expected an option to be of type String")
        if not 1 <= len(text) <= LONGEST_OPTION:
            raise bad_request("poll options length must not exceed 100" if text else "poll options must be non-empty")
    return [str(text) for text in texts]
