"""Before each handler: enter the person's queue, load the chat's state, choose the language. After it: store the state."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aiogram import BaseMiddleware
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message, TelegramObject, User

from bot.chat_state import ChatState
from bot.content.texts import Say
from bot.user_queue import QueueFullError, UserQueues
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class ChatStateMiddleware(BaseMiddleware):
    """Gives handlers `chat_state: ChatState` and `say: Say`. Private chats only: personas are chosen by one person."""

    def __init__(self, user_queues: UserQueues, tracker: Tracker, clock: Clock) -> None:
        self._user_queues, self._tracker, self._clock = user_queues, tracker, clock

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Handle one message or button."""
        user: User | None = data.get("event_from_user")
        chat = data.get("event_chat")
        if user is None or chat is None or chat.type != ChatType.PRIVATE:
            return None
        payment = isinstance(event, Message) and (event.successful_payment or event.refunded_payment)
        try:
            async with self._user_queues.of(chat.id, bounded=not payment):
                return await self._with_state(handler, event, data, user)
        except QueueFullError as full:
            await _report_full_queue(event, Say.to(user.language_code), first=full.first)
        except TelegramForbiddenError:
            _log.info("an answer was not delivered: the person has blocked the bot")
        return None

    async def _with_state(self, handler: Handler, event: TelegramObject, data: dict[str, Any], user: User) -> Any:
        storage: FSMContext = data["state"]
        state = ChatState.load(await storage.get_data())
        data["chat_state"] = state
        if not user.is_bot:
            state.app_language = user.language_code
        data["say"] = Say(state.language) if state.language else Say.to(state.app_language)
        self._tracker.annotate(persona_id=state.persona_id or "", story_id=state.story_id or "")
        try:
            return await handler(event, data)
        finally:
            state.last_at = self._clock().timestamp()
            await storage.set_data(asdict(state))


async def _report_full_queue(event: TelegramObject, say: Say, *, first: bool) -> None:
    try:
        if isinstance(event, CallbackQuery):
            await event.answer(say.plain("chat.thinking"))
        elif isinstance(event, Message) and first:
            await event.answer(say("chat.thinking"))
    except TelegramAPIError as error:
        _log.info("the reply that a queue is full was not delivered: %s", error)
