"""Commands by which the people who run a bot ask for its figures in the chat. `chattrail.aiogram.owner_router` makes them."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiogram import Router
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.filters import Command as CommandFilter
from aiogram.types import Message, TelegramObject

from chattrail.context import UpdateContext
from chattrail.events import Command, Event

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class OwnerRouter(Router):
    """A router for the commands of a few people in their private chats, which are recorded as nothing."""

    def __init__(self, admins: Collection[int]) -> None:
        super().__init__(name="chattrail_owner")
        self._admins = frozenset(admins)
        self._commands: set[str] = set()

    @property
    def parent_router(self) -> Router | None:
        """The router that this one is included in."""
        return self._parent_router

    @parent_router.setter
    def parent_router(self, router: Router) -> None:
        # A router's own handlers come before those of the routers in it, and many bots have one there that takes every text.
        Router.parent_router.fset(self, router)  # type: ignore[attr-defined]
        router.message.outer_middleware(self._before_others)

    async def _before_others(self, handler: Handler, message: TelegramObject, data: dict[str, Any]) -> Any:
        handled = await self.propagate_event("message", message, **data)
        return await handler(message, data) if handled is UNHANDLED else handled

    def command(self, name: str, handler: Callable[..., Any]) -> None:
        """Add a command. Those of other people, and in groups, go on to the bot's own handlers."""
        self._commands.add(name)
        self.message.register(handler, self._is_owners, CommandFilter(name, ignore_case=True))

    def takes(self, event: Event, context: UpdateContext) -> bool:
        """Whether an incoming event is one of these commands, from an admin."""
        if not isinstance(event, Command) or event.name not in self._commands or not context.user or not context.chat:
            return False
        return self._knows(context.user.id, context.chat.type)

    def _is_owners(self, message: Message) -> bool:
        """Tell whether an admin wrote a message where nobody else reads the answer."""
        return message.from_user is not None and self._knows(message.from_user.id, message.chat.type)

    def _knows(self, person: int | str, chat_type: str | None) -> bool:
        return chat_type == "private" and person in self._admins
