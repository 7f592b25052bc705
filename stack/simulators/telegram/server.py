"""A Bot API server on loopback: the part of Telegram that a bot sees.

Written from the public Bot API documentation (https://core.telegram.org/bots/api, .../payments-stars, .../webhooks).
It speaks the wire format, errors and limits included; `TelegramServer.person` gives the people who chat.
"""

import asyncio
import hmac
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from stack.simulators.loopback import LoopbackServer
from stack.simulators.telegram.business import BusinessConnection
from stack.simulators.telegram.business_account import BusinessAccount
from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.faults import Fault, Faults
from stack.simulators.telegram.group import Group, GroupChat
from stack.simulators.telegram.methods import METHODS
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.state import State
from stack.simulators.telegram.wire import ApiError, Json, Params, failure, read_params, success

LARGEST_REQUEST = 50 * 1024 * 1024

logger = logging.getLogger(__name__)


class TelegramServer(LoopbackServer):
    """The simulated Bot API for one bot token, as an async context manager.

    `url` is the base that a client takes (`TelegramAPIServer.from_base(server.url)`). Port 0 takes a free one. Leaving
    ends open long polls at once. Nothing outlives the object: chats and files are in memory.
    """

    def __init__(
        self,
        *,
        token: str = "42:TEST",  # noqa: S107 - not a secret: there is no such bot
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "persona_demo_bot",
        name: str = "Persona Demo",
        clock: Callable[[], float] = time.time,
        keeps_record: bool = False,
    ) -> None:
        if not token.partition(":")[0].isdecimal() or not token.partition(":")[2]:
            raise ValueError('a bot token looks like "42:TEST": the numeric id of the bot, a colon, a secret')
        self.token = token
        super().__init__(host, port, shutdown_s=1.0)  # at the end only long polls are open, and those return at once
        self._state = State(token, username=username, name=name, call=self.call, clock=clock, keeps_record=keeps_record)
        self.faults: Faults = self._state.faults
        """The ordered faults: `fail_next`, `delay_next`, `limit`, `clear`."""
        self.profile = self._state.profile
        """What the bot set about itself, by (field, language or scope)."""
        self._people: dict[int, Person] = {}
        self.calls: Counter[str] = Counter()
        """How often each method was called, refused calls included."""

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        app.router.add_route("*", "/{rest:.*}", _not_found)
        return app

    async def __aexit__(self, *exc_info: object) -> None:
        self._state.updates.close()
        await self._state.webhook.stop()
        await super().__aexit__(*exc_info)

    def fail_next(self, method: str, **fault: Any) -> None:
        """Let the next call of `method` fail; see `Faults.fail_next` for the arguments."""
        self.faults.fail_next(method, **fault)

    @property
    def pending_updates(self) -> int:
        """Updates that the bot has not confirmed yet."""
        return len(self._state.updates)

    @property
    def payment_answer_seconds(self) -> float:
        """Time the bot has for answering a pre-checkout query; Telegram gives 10 s."""
        return self._state.payments.answer_seconds

    @payment_answer_seconds.setter
    def payment_answer_seconds(self, seconds: float) -> None:
        self._state.payments.answer_seconds = seconds

    def person(
        self,
        person_id: int,
        *,
        name: str = "Ann",
        username: str | None = None,
        language_code: str | None = "en",
        is_premium: bool = False,
    ) -> Person:
        """Return a person; the first call for an id makes the person, later ones return the same."""
        if person_id not in self._people:
            first, _, last = name.partition(" ")
            optional = {
                "last_name": last,
                "username": username,
                "language_code": language_code,
                "is_premium": is_premium,
            }
            user: Json = {"id": person_id, "is_bot": False, "first_name": first}
            chat = Chat(user | {key: value for key, value in optional.items() if value}, self._state.new_record())
            self._state.chats[person_id] = chat
            self._people[person_id] = Person(self._state, chat)
        return self._people[person_id]

    def group(self, chat_id: int, *, title: str = "Friends") -> Group:
        """Return a group that the bot is a member of, and reads all of; the first call for an id makes it."""
        chat = self._state.chats.setdefault(chat_id, GroupChat(chat_id, title, self._state.new_record()))
        return Group(self._state, chat)

    def business_account(self, owner: Person) -> BusinessAccount:
        """Let a person connect their business account with the bot, which is told so."""
        connection = BusinessConnection(f"bc{owner.id}", owner.user, self._state.now())
        self._state.business[connection.id] = connection
        self._state.updates.put("business_connection", connection.as_json)
        return BusinessAccount(self._state, connection)

    def deliver_again(self, count: int = 1) -> None:
        """Deliver the newest confirmed updates once more: to a webhook, or to a process that begins to poll."""
        self._state.updates.deliver_again(count)

    async def call(self, method: str, params: Params) -> Any:
        """Run a method as a request would. Raises ApiError."""
        found = METHODS.get(method.lower())
        if found is None:
            raise ApiError(404, "Not Found: method not found")
        self.faults.check_flood(method, params.integer("chat_id"))
        return await found(self._state, params)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls[method] += 1
        try:
            self._check_token(request)
            params = await read_params(request)
            fault = self.faults.take(method)
            if fault is not None and not fault.response_only:
                await _inject(fault, request)
            result = await self.call(method, params)
            if fault is not None and fault.response_only:
                await asyncio.sleep(fault.delay)
            return success(result)
        except ApiError as error:
            return failure(error)
        except web.HTTPRequestEntityTooLarge:
            return failure(ApiError(413, "Request Entity Too Large"))
        except Exception:
            # The path is not logged: it holds the token.
            logger.exception("the simulated Bot API failed in %s", method)
            return failure(ApiError(500, "Internal Server Error"))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
            stored = self._state.files.by_path(request.match_info["path"])
        except ApiError as error:
            return failure(error)
        return web.Response(body=stored.data, content_type="application/octet-stream")

    def _check_token(self, request: web.Request) -> None:
        given = request.match_info["token"]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise ApiError(401, "Unauthorized")


async def _inject(fault: Fault, request: web.Request) -> None:
    await asyncio.sleep(fault.delay)
    if fault.hang_up:
        if request.transport is not None:
            request.transport.close()
        raise ApiError(502, "Bad Gateway")
    if fault.error is not None:
        raise fault.error


async def _not_found(request: web.Request) -> web.Response:
    return failure(ApiError(404, "Not Found"))
