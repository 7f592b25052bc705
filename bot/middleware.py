"""Before each handler: take the person's turn, load what is remembered of them, choose their language. After it: store."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiogram import BaseMiddleware
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message, TelegramObject, User

from bot.chat_state import Memory
from bot.content.texts import Say
from bot.user_queue import TooManyError, Turns
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class PersonMiddleware(BaseMiddleware):
    """Gives handlers `memory: Memory` and `say: Say`. Private chats only: in a group nobody has chosen a persona."""

    def __init__(self, turns: Turns, tracker: Tracker, clock: Clock) -> None:
        self._turns = turns
        self._tracker = tracker
        self._clock = clock

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Handle one message or button."""
        user: User | None = data.get("event_from_user")
        chat = data.get("event_chat")
        if user is None or chat is None or chat.type != ChatType.PRIVATE:
            return None
        payment = isinstance(event, Message) and (event.successful_payment or event.refunded_payment)
        try:
            async with self._turns.of(user.id, bounded=not payment):
                return await self._remembering(handler, event, data, user)
        except TooManyError as many:
            await _ask_for_patience(event, Say.to(user.language_code), tell=many.first)
        except TelegramForbiddenError:
            _log.info("an answer could not be delivered: the person has blocked the bot")
        return None

    async def _remembering(self, handler: Handler, event: TelegramObject, data: dict[str, Any], user: User) -> Any:
        state: FSMContext = data["state"]
        stored = await state.get_data()
        memory = Memory.load(stored)
        data["memory"] = memory
        data["say"] = Say(memory.language) if memory.language else Say.to(user.language_code)
        self._tracker.annotate(persona_id=memory.persona_id or "", story_id=memory.story_id or "")
        try:
            return await handler(event, data)
        finally:
            memory.last_at = self._clock().timestamp()
            await state.set_data(memory.dump())


async def _ask_for_patience(event: TelegramObject, say: Say, *, tell: bool) -> None:
    try:
        if isinstance(event, CallbackQuery):
            await event.answer(say.plain("chat.thinking"))
        elif isinstance(event, Message) and tell:
            await event.answer(say("chat.thinking"))
    except TelegramAPIError as error:
        _log.info("a request for patience was not delivered: %s", error)
