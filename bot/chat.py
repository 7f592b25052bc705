"""What handlers share: the connections, and the actions that several of them need."""

import logging
import time
from dataclasses import dataclass

from aiogram import Bot
from aiogram.enums import ChatAction

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import Personas
from bot.content.texts import Say
from bot.llm.base import Backend, Line, LlmError, MakeImage, Step, Turn
from bot.middleware import Clock
from bot.premium import Ledger
from bot.settings import BotSettings
from bot.telegram import say_as_persona, showing
from chattrail.events import ChatCleared, PremiumAction
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chat:
    """Handlers get it as `chat`, from aiogram's workflow data."""

    bot: Bot
    backend: Backend
    make_image: MakeImage
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
        model = {"provider": self.backend.provider, "request_model": self.backend.model}
        started = time.perf_counter()
        try:
            async with showing(self.bot, person, ChatAction.TYPING):
                answer = await self.backend.complete(Step.DIALOGUE, turn)
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
        premium = await self.has_premium(person, chat_state, say)
        if chat_state.messages_today == self.settings.free_messages and not premium:
            await self.offer_premium(person, say("premium.offer", n=chat_state.messages_today), say)

    async def has_premium(self, person: int, chat_state: ChatState, say: Say) -> bool:
        """Whether the person has premium now; when it has ended, the person gets one message about that."""
        if (await self.ledger.status(person)).active(self.clock()):
            return True
        if chat_state.premium_plan is not None:
            plan, chat_state.premium_plan = chat_state.premium_plan, None
            self.tracker.track(PremiumAction(action="expired", plan=plan))
            await self.bot.send_message(person, say("premium.expired"))
        return False

    async def offer_premium(self, person: int, text: str, say: Say) -> None:
        """Offer premium with its plans."""
        self.tracker.track(PremiumAction(action="offered"))
        await self.bot.send_message(person, text, reply_markup=keyboards.plans(say))

    async def offer_personas(self, person: int, say: Say) -> None:
        """Ask the person to choose a persona."""
        await self.bot.send_message(person, say("persona.choose"), reply_markup=keyboards.personas(self.personas, say))

    def clear(self, chat_state: ChatState) -> int:
        """Forget the chat, track that, and return how many messages it had."""
        if count := chat_state.forget_chat():
            self.tracker.track(ChatCleared(messages=count))
            self.tracker.annotate(persona_id="", story_id="")
        return count
