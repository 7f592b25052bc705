"""A Bot API server on loopback: what a bot sees of Telegram, without Telegram.

Written from the public Bot API documentation (https://core.telegram.org/bots/api, .../payments-stars, .../webhooks).
It speaks the wire format, errors and limits included; people are moved through `TelegramServer.person`.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.faults import Faults, Planned
from stack.simulators.telegram.methods import METHODS
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.wire import ApiError, Json, Params, failure, read_params, success
from stack.simulators.telegram.world import World

LARGEST_REQUEST = 50 * 1024 * 1024

logger = logging.getLogger(__name__)


class TelegramServer:
    """The simulated Bot API for one bot token, as an async context manager.

    `url` is the base that a client takes (`TelegramAPIServer.from_base(server.url)`). Port 0 takes a free one. Leaving
    ends open long polls at once. Nothing outlives the object: chats and files are in memory.
    """

    def __init__(
        self,
        *,
        token: str = "42:TEST",  # noqa: S107 - no secret: there is no such bot
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "persona_demo_bot",
        name: str = "Persona Demo",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not token.partition(":")[0].isdecimal() or not token.partition(":")[2]:
            raise ValueError('a bot token looks like "42:TEST": the numeric id of the bot, a colon, a secret')
        self.token = token
        self._host, self._port = host, port
        self._world = World(token, username=username, name=name, call=self.call, clock=clock)
        self._people: dict[int, Person] = {}
        self._runner: web.AppRunner | None = None
        self.calls: dict[str, int] = {}
        """How often each method was called, refused calls included."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        app.router.add_route("*", "/{rest:.*}", _not_found)
        # A short grace: at the end only long polls are open, and those return at once.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._world.updates.close()
        await self._world.webhook.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def faults(self) -> Faults:
        """The plan of faults: `fail_next`, `delay_next`, `limit`, `clear`."""
        return self._world.faults

    def fail_next(self, method: str, **fault: Any) -> None:
        """Let the next call of `method` fail; see `Faults.fail_next` for what can be said."""
        self._world.faults.fail_next(method, **fault)

    @property
    def pending_updates(self) -> int:
        """Updates that the bot has not confirmed yet."""
        return len(self._world.updates)

    @property
    def profile(self) -> dict[tuple[str, str], object]:
        """What the bot set about itself, by (field, language or scope)."""
        return self._world.profile

    @property
    def payment_answer_seconds(self) -> float:
        """Time the bot has for answering a pre-checkout query; Telegram gives 10 s."""
        return self._world.payments.answer_seconds

    @payment_answer_seconds.setter
    def payment_answer_seconds(self, seconds: float) -> None:
        self._world.payments.answer_seconds = seconds

    def person(
        self,
        person_id: int,
        *,
        name: str = "Ann",
        username: str | None = None,
        language_code: str | None = "en",
        is_premium: bool = False,
    ) -> Person:
        """Return the handle of a person; the first call for an id makes them, later ones return the same."""
        if person_id not in self._people:
            first, _, last = name.partition(" ")
            user: Json = {"id": person_id, "is_bot": False, "first_name": first}
            optional = {"last_name": last, "username": username, "language_code": language_code}
            user |= {key: value for key, value in optional.items() if value}
            if is_premium:
                user["is_premium"] = True
            chat = self._world.chats[person_id] = Chat(user)
            self._people[person_id] = Person(self._world, chat)
        return self._people[person_id]

    async def call(self, method: str, params: Params) -> Any:
        """Run a method as the wire would. Raises ApiError."""
        found = METHODS.get(method.lower())
        if found is None:
            raise ApiError(404, "Not Found: method not found")
        self._world.faults.check_flood(method, params.integer("chat_id"))
        return await found(self._world, params)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls[method] = self.calls.get(method, 0) + 1
        try:
            self._check_token(request)
            params = await read_params(request)
            fault = self._world.faults.take(method)
            if fault is not None:
                await self._suffer(fault, request)
            return success(await self.call(method, params))
        except ApiError as error:
            return failure(error)
        except web.HTTPRequestEntityTooLarge:
            return failure(ApiError(413, "Request Entity Too Large"))
        except Exception:
            # The path is not logged: it holds the token.
            logger.exception("the simulated Bot API failed in %s", method)
            return failure(ApiError(500, "Internal Server Error"))

    async def _suffer(self, fault: Planned, request: web.Request) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.hang_up:
            if request.transport is not None:
                request.transport.close()
            raise ApiError(502, "Bad Gateway")
        if fault.error is not None:
            raise fault.error

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request)
        except ApiError as error:
            return failure(error)
        stored = self._world.files.by_path(request.match_info["path"])
        if stored is None:
            return failure(ApiError(404, "Not Found"))
        return web.Response(body=stored.data, content_type="application/octet-stream")

    def _check_token(self, request: web.Request) -> None:
        given = request.match_info["token"]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise ApiError(401, "Unauthorized")


async def _not_found(request: web.Request) -> web.Response:
    return failure(ApiError(404, "Not Found"))
