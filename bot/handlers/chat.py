"""The chat itself, and the question whether to continue it after a long silence."""

from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.texts import Html, Say
from bot.telegram import answer_button, drop_buttons, pieces, spoken
from chattrail.events import ChatContinued
from chattrail.tracker import Tracker


async def talk(message: Message, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Answer a text, or first ask where to begin or whether to continue."""
    assert message.text is not None
    chat_state.begin_day(chat.clock())
    found = chat.personas.story(chat_state.story_id)
    if found is None:
        persona = chat.personas.persona(chat_state.persona_id)
        buttons = keyboards.stories(persona, say) if persona else keyboards.personas(chat.personas, say)
        await message.answer(say("chat.choose_first"), reply_markup=buttons)
        return
    away = chat_state.idle_seconds(chat.clock())
    is_long = away >= chat.settings.idle_minutes * 60
    if is_long and not chat_state.asked_to_continue and len(chat_state.lines) > 1:
        chat_state.pending, chat_state.asked_to_continue, chat_state.away_seconds = message.text, True, away
        text = say("continue.ask", away=duration(away, say), **say.names(*found))
        await message.answer(text, reply_markup=keyboards.continuing(say))
        return
    said = message.text
    if chat_state.asked_to_continue:  # the person goes on talking instead of pressing a button
        said = "\n".join(filter(None, (chat_state.pending, said)))
        _continued(chat_state, chat.tracker)
    await chat.reply(message.chat.id, said, chat_state, say)


async def continue_chat(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Go on: answer what was said before the question, or recall the last words."""
    if chat.personas.story(chat_state.story_id) is None:
        await answer_button(callback, say.plain("continue.nothing"), alert=True)
        return
    await answer_button(callback)
    await drop_buttons(callback)
    chat_state.begin_day(chat.clock())
    pending = chat_state.pending
    _continued(chat_state, chat.tracker)
    if pending is not None:
        await chat.reply(callback.from_user.id, pending, chat_state, say)
        return
    last = next((text for role, text in reversed(chat_state.lines) if role == "assistant"), None)
    text = say("continue.open")
    if last:  # not the whole of a long answer
        text = say("continue.recap", last=Html(f"<blockquote>{spoken(pieces(last)[0])}</blockquote>"))
    await chat.bot.send_message(callback.from_user.id, text, reply_markup=keyboards.image(say))


async def start_afresh(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Forget the earlier chat and offer the personas."""
    await answer_button(callback)
    await drop_buttons(callback)
    chat.clear(chat_state)
    await chat.offer_personas(callback.from_user.id, say)


def duration(seconds: float, say: Say) -> str:
    """Name a duration in the largest unit that fits: minutes, hours or days."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return say.plain(f"away.{unit}", n=int(seconds // size))
    return say.plain("away.minutes", n=1)


def _continued(chat_state: ChatState, tracker: Tracker) -> None:
    tracker.track(ChatContinued(idle_s=chat_state.away_seconds))
    chat_state.pending, chat_state.asked_to_continue, chat_state.away_seconds = None, False, 0.0
