"""The chat itself, and the question whether to continue it after a long silence."""

import logging
import time
from dataclasses import dataclass

from aiogram import Bot, F, Router
from aiogram.enums import ChatAction
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import Personas
from bot.content.texts import Html, Say
from bot.handlers.premium import has_premium, offer
from bot.llm.base import Line, LlmError, Turn
from bot.llm.pipeline import Llm
from bot.middleware import Clock
from bot.premium import Ledger
from bot.settings import BotSettings
from bot.telegram import answer_button, drop_buttons, pieces, say_as_persona, showing, spoken
from chattrail.events import ChatCleared, ChatContinued
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)


def router() -> Router:
    """Make the router."""
    own = Router(name="chat")
    own.callback_query.register(continue_chat, F.data == "chat:continue")
    own.callback_query.register(start_afresh, F.data == "chat:fresh")
    own.message.register(talk, F.text, ~F.text.startswith("/"))
    return own


@dataclass(frozen=True, slots=True)
class Chat:
    """What an answer needs, gathered from aiogram's workflow data."""

    bot: Bot
    llm: Llm
    personas: Personas
    tracker: Tracker
    ledger: Ledger
    settings: BotSettings
    clock: Clock

    async def reply(self, person: int, said: str, chat_state: ChatState, say: Say) -> None:
        """Answer as the persona; after an error say so and keep the message out of the chat."""
        found = self.personas.story(chat_state.story_id)
        if found is None:
            chat_state.forget_chat()
            await self.bot.send_message(person, say("story.gone"), reply_markup=keyboards.personas(self.personas, say))
            return
        turn = Turn(*found, say.language, (*chat_state.history(), Line("user", said)))
        model = {"provider": self.llm.backend.provider, "request_model": self.llm.backend.model}
        started = time.perf_counter()
        try:
            async with showing(self.bot, person, ChatAction.TYPING):
                answer = await self.llm.answer(turn)
        except LlmError as error:
            _log.warning("no answer from the AI: %s (%s)", error.error_type, error.args[0])
            elapsed = (time.perf_counter() - started) * 1000
            with self.tracker.details(**model, error_type=error.error_type, duration_ms=elapsed):
                await self.bot.send_message(person, say("chat.failed"))
            return
        elapsed = (time.perf_counter() - started) * 1000
        for role, text in (("user", said), ("assistant", answer.text)):
            chat_state.remember(role, text, limit=self.settings.memory_messages)
        with self.tracker.details(
            **model,
            response_model=answer.response_model,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=elapsed,
        ):
            await say_as_persona(self.bot, person, answer.text, keyboards.image(say))
        chat_state.messages_today += 1
        premium = await has_premium(person, chat_state, say, self)
        if chat_state.messages_today == self.settings.free_messages and not premium:
            await offer(self.bot, person, say("premium.offer", n=chat_state.messages_today), say, self.tracker)


async def talk(message: Message, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Answer a text, or first ask where to begin or whether to continue."""
    assert message.from_user is not None
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
        persona, story = found
        names = {"persona": persona.name[say.language], "story": story.title[say.language]}
        text = say("continue.ask", away=duration(away, say), **names)
        await message.answer(text, reply_markup=keyboards.continuing(say))
        return
    said = message.text
    if chat_state.asked_to_continue:  # the person goes on talking instead of pressing a button
        said = "\n".join(filter(None, (chat_state.pending, said)))
        _continued(chat_state, chat.tracker)
    await chat.reply(message.from_user.id, said, chat_state, say)


async def continue_chat(callback: CallbackQuery, bot: Bot, chat_state: ChatState, say: Say, chat: Chat) -> None:
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
    text = say("continue.recap", last=Html(recalled(last))) if last else say("continue.open")
    await bot.send_message(callback.from_user.id, text, reply_markup=keyboards.image(say))


async def start_afresh(callback: CallbackQuery, bot: Bot, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Forget the earlier chat and offer the personas."""
    await answer_button(callback)
    await drop_buttons(callback)
    cleared(chat_state, chat.tracker)
    buttons = keyboards.personas(chat.personas, say)
    await bot.send_message(callback.from_user.id, say("persona.choose"), reply_markup=buttons)


def cleared(chat_state: ChatState, tracker: Tracker) -> int:
    """Forget the chat, track that, and return how many messages it had."""
    if count := chat_state.forget_chat():
        tracker.track(ChatCleared(messages=count))
        tracker.annotate(persona_id="", story_id="")
    return count


def recalled(text: str) -> str:
    """Quote the persona's last words, not the whole of a long answer."""
    return f"<blockquote>{spoken(pieces(text)[0])}</blockquote>"


def duration(seconds: float, say: Say) -> str:
    """Name a duration in the largest unit that fits: minutes, hours or days."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return say.plain(f"away.{unit}", n=int(seconds // size))
    return say.plain("away.minutes", n=1)


def _continued(chat_state: ChatState, tracker: Tracker) -> None:
    tracker.track(ChatContinued(idle_s=chat_state.away_seconds))
    chat_state.pending, chat_state.asked_to_continue, chat_state.away_seconds = None, False, 0.0
