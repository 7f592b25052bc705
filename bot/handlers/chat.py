"""The chat itself, and the question whether to continue it after a long silence."""

import logging
import time

from aiogram import Bot, F, Router
from aiogram.enums import ChatAction
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.away import duration
from bot.chat_state import Memory
from bot.content.personas import Cast
from bot.content.texts import Html, Say
from bot.handlers.premium import has_premium, offer
from bot.llm.base import BrainError, Line, Turn
from bot.llm.pipeline import Brain
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


class Chat:
    """What an answer needs, gathered from aiogram's workflow data."""

    def __init__(
        self, bot: Bot, brain: Brain, cast: Cast, tracker: Tracker, ledger: Ledger, settings: BotSettings, clock: Clock
    ) -> None:
        self.bot = bot
        self.brain = brain
        self.cast = cast
        self.tracker = tracker
        self.ledger = ledger
        self.settings = settings
        self.clock = clock

    async def reply(self, person: int, said: str, memory: Memory, say: Say) -> None:
        """Answer as the persona; when that fails, say so kindly and forget that it was asked."""
        found = self.cast.story(memory.story_id)
        if found is None:
            memory.forget_chat()
            await self.bot.send_message(person, say("story.gone"), reply_markup=keyboards.personas(self.cast, say))
            return
        turn = Turn(*found, say.language, (*memory.history(), Line("user", said)))
        backend = self.brain.backend
        started = time.perf_counter()
        try:
            async with showing(self.bot, person, ChatAction.TYPING):
                answer = await self.brain.answer(turn)
        except BrainError as error:
            _log.warning("no answer from the AI: %s (%s)", error.error_type, error.args[0])
            with self.tracker.details(
                provider=backend.provider,
                request_model=backend.model,
                error_type=error.error_type,
                duration_ms=(time.perf_counter() - started) * 1000,
            ):
                await self.bot.send_message(person, say("chat.failed"))
            return
        limit = self.settings.memory_messages
        memory.remember("user", said, limit=limit)
        memory.remember("assistant", answer.text, limit=limit)
        with self.tracker.details(
            provider=backend.provider,
            request_model=backend.model,
            response_model=answer.response_model,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=answer.duration_ms,
        ):
            await say_as_persona(self.bot, person, answer.text, keyboards.picture(say))
        await self._count(person, memory, say)

    async def _count(self, person: int, memory: Memory, say: Say) -> None:
        memory.messages_today += 1
        premium = await has_premium(person, memory, say, self)
        if memory.messages_today == self.settings.free_messages and not premium:
            await offer(self.bot, person, say("premium.offer", n=memory.messages_today), say, self.tracker)


async def talk(message: Message, memory: Memory, say: Say, chat: Chat) -> None:
    """Answer a text, or first ask where to begin or whether to continue."""
    assert message.from_user is not None
    assert message.text is not None
    memory.begin_day(chat.clock())
    found = chat.cast.story(memory.story_id)
    if found is None:
        persona = chat.cast.persona(memory.persona_id)
        buttons = keyboards.stories(persona, say) if persona else keyboards.personas(chat.cast, say)
        await message.answer(say("chat.choose_first"), reply_markup=buttons)
        return
    away = memory.idle_seconds(chat.clock())
    if away >= chat.settings.idle_minutes * 60 and not memory.asked_to_continue and len(memory.lines) > 1:
        memory.pending, memory.asked_to_continue, memory.away_seconds = message.text, True, away
        persona, story = found
        await message.answer(
            say(
                "continue.ask",
                away=duration(away, say),
                persona=persona.name[say.language],
                story=story.title[say.language],
            ),
            reply_markup=keyboards.continuing(say),
        )
        return
    said = message.text
    if memory.asked_to_continue:  # they go on talking instead of pressing a button
        said = "\n".join(filter(None, (memory.pending, said)))
        _continued(memory, chat.tracker)
    await chat.reply(message.from_user.id, said, memory, say)


async def continue_chat(callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, chat: Chat) -> None:
    """Go on: answer what was said before the question, or recall the last words."""
    if chat.cast.story(memory.story_id) is None:
        await answer_button(callback, say.plain("continue.nothing"), alert=True)
        return
    await answer_button(callback)
    await drop_buttons(callback)
    memory.begin_day(chat.clock())
    pending = memory.pending
    _continued(memory, chat.tracker)
    if pending is not None:
        await chat.reply(callback.from_user.id, pending, memory, say)
        return
    last = next((text for role, text in reversed(memory.lines) if role == "assistant"), None)
    text = say("continue.recap", last=Html(recalled(last))) if last else say("continue.open")
    await bot.send_message(callback.from_user.id, text, reply_markup=keyboards.picture(say))


async def start_afresh(callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, chat: Chat) -> None:
    """Forget the earlier chat and choose anew."""
    await answer_button(callback)
    await drop_buttons(callback)
    if count := memory.forget_chat():
        chat.tracker.track(ChatCleared(messages=count))
        chat.tracker.annotate(persona_id="", story_id="")
    await bot.send_message(
        callback.from_user.id, say("persona.choose"), reply_markup=keyboards.personas(chat.cast, say)
    )


def recalled(text: str) -> str:
    """Quote the persona's last words, not the whole of a long answer."""
    return f"<blockquote>{spoken(pieces(text)[0])}</blockquote>"


def _continued(memory: Memory, tracker: Tracker) -> None:
    tracker.track(ChatContinued(idle_s=memory.away_seconds))
    memory.pending, memory.asked_to_continue, memory.away_seconds = None, False, 0.0
