"""Delivery of updates to the bot's webhook: POST, the secret token, retries until the bot takes them."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from weakref import WeakValueDictionary

import aiohttp

from stack.simulators.telegram.updates import UpdateQueue
from stack.simulators.telegram.wire import ApiError, Json, Params, read_reply

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 30.0
DELIVERY_SECONDS = 60.0


class Webhook:
    """At most one webhook. Updates of one chat go in order, those of different chats side by side."""

    def __init__(
        self, updates: UpdateQueue, call: Callable[[str, Params], Awaitable[object]], clock: Callable[[], float]
    ) -> None:
        self._updates, self._call, self._clock = updates, call, clock
        self._task: asyncio.Task[None] | None = None
        self._secret: str | None = None
        self._connections = 40
        self._in_flight: dict[int, Json] = {}
        self._last_error: tuple[int, str] | None = None
        self.url = ""

    async def start(self, url: str, secret: str | None, connections: int) -> None:
        """Deliver to `url` from now on."""
        await self.stop()
        self.url, self._secret, self._connections, self._last_error = url, secret, connections, None
        self._task = asyncio.create_task(self._deliver_all(), name="telegram-webhook")

    async def stop(self) -> None:
        """Stop delivering; updates that were not delivered wait for the next poll or webhook."""
        self.url = ""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._updates.give_back(list(self._in_flight.values()))
        self._in_flight.clear()

    def info(self) -> Json:
        """Return the WebhookInfo object."""
        info: Json = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates) + len(self._in_flight),
            **({"max_connections": self._connections} if self.url else {}),
            **({"allowed_updates": self._updates.allowed} if self._updates.allowed else {}),
        }
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    async def _deliver_all(self) -> None:
        slots = asyncio.Semaphore(self._connections)
        locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        timeout = aiohttp.ClientTimeout(total=DELIVERY_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                update = await self._updates.take()
                self._in_flight[update["update_id"]] = update
                lock = locks.setdefault(_chat_of(update), asyncio.Lock())
                group.create_task(self._deliver(session, update, lock)).add_done_callback(lambda _: slots.release())

    async def _deliver(self, session: aiohttp.ClientSession, update: Json, lock: asyncio.Lock) -> None:
        async with lock:  # tasks get it in the order of their updates
            pause = FIRST_RETRY_SECONDS
            while not await self._post(session, update):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_RETRY_SECONDS)
            del self._in_flight[update["update_id"]]
            self._updates.confirm(update)

    async def _post(self, session: aiohttp.ClientSession, update: Json) -> bool:
        headers: Mapping[str, str] = {SECRET_HEADER: self._secret} if self._secret else {}
        try:
            async with session.post(self.url, json=update, headers=headers) as response:
                if response.status // 100 != 2:
                    self._note(f"Wrong response from the webhook: {response.status} {response.reason}")
                    return False
                reply = await read_reply(response)
        except (TimeoutError, ValueError, aiohttp.ClientError) as error:
            self._note(f"Connection failed: {type(error).__name__}")
            return False
        method = reply.text("method")
        if method is not None:
            # A call in the answer's body gets no result: errors are dropped, as by Telegram.
            with contextlib.suppress(ApiError):
                await self._call(method, reply)
        return True

    def _note(self, error: str) -> None:
        self._last_error = (int(self._clock()), error)


def _chat_of(update: Json) -> object:
    content: Json = next((value for key, value in update.items() if key != "update_id"), {})
    chat = content.get("chat") or content.get("from") or {}
    return chat.get("id")
