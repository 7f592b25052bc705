"""Which threads handle a request: queries and sign-ins have a bounded number, and everything else never waits for them.

A thread gets a request when all of it has arrived, and its response is read in pieces that fit into memory, so a thread
never waits for a client.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from flask import Flask

from web.auth.access import REFUSED, RequestCost, request_cost

LOW_COST_THREADS = 4
REST_THREADS = 2
SIGN_IN_THREADS = 2  # a password's check takes 64 MiB
WAITING_PER_THREAD = 32  # a page with many images is dozens of quick requests at once
PIECE_BYTES = 64 * 1024

Environ = dict[str, Any]


class AppResponse:
    """The response of the app: its first bytes (`begun`), and the iterator of the rest."""

    def __init__(self, executor: Executor | None) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.begun = b""
        self._executor = executor
        self._iterable: Iterable[bytes] = ()
        self._rest: Iterator[bytes] | None = None

    @classmethod
    def bare(cls, status: str) -> "AppResponse":
        """A response without a body, for requests that do not reach the app."""
        response = cls(None)
        response.status, response.headers = status, [("Content-Length", "0")]
        return response

    async def more(self) -> bytes:
        """The next piece; empty at the end."""
        if self._rest is None:
            return b""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._take, PIECE_BYTES)

    async def close(self) -> None:
        """Close the iterator of the rest, often a file, if it is open."""
        if self._rest is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._close)

    def begin(self, app: Flask, environ: Environ) -> None:
        """Run the app and read the first bytes. Runs in a thread."""

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            self.status, self.headers = status, headers
            return lambda _: None

        self._iterable = app(environ, start_response)
        self._rest = iter(self._iterable)
        self.begun = self._take(PIECE_BYTES)

    def _take(self, amount: int) -> bytes:
        assert self._rest is not None
        taken = bytearray()
        while len(taken) < amount:
            piece = next(self._rest, None)
            if piece is None:
                self._close()
                break
            taken += piece
        return bytes(taken)

    def _close(self) -> None:
        self._rest = None
        close = getattr(self._iterable, "close", None)
        self._iterable = ()
        if close is not None:
            close()


class Pool:
    """Threads for requests of one cost. When none is free, requests wait; their number and their time are limited."""

    def __init__(self, name: str, threads: int, wait_s: float) -> None:
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = asyncio.Semaphore(threads)
        self._wait_s = wait_s
        self._waiting = 0
        self._waiting_max = threads * WAITING_PER_THREAD

    async def enter(self, closed: asyncio.Event) -> bool:
        """Wait for a thread; False when none is free in time, or the client leaves. `leave` gives it back."""
        if not self._free.locked():
            return await self._free.acquire()
        if self._waiting >= self._waiting_max:
            return False
        self._waiting += 1
        turn, left = asyncio.create_task(self._free.acquire()), asyncio.create_task(closed.wait())
        try:
            await asyncio.wait({turn, left}, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting -= 1
            left.cancel()
            if not turn.done():
                turn.cancel()
        return turn.done()

    def leave(self) -> None:
        """Give the thread back."""
        self._free.release()


class Dispatcher:
    """Gives each request to the threads for its cost, so that cheap requests never wait for expensive ones."""

    def __init__(self, app: Flask, threads: int, wait_s: float) -> None:
        self._app = app
        self._low_cost = ThreadPoolExecutor(LOW_COST_THREADS, thread_name_prefix="low-cost")
        # the rest of long responses, mostly files: hundreds of downloads must not delay the health check
        self._rest = ThreadPoolExecutor(REST_THREADS, thread_name_prefix="rest")
        self._pools = {
            RequestCost.SIGN_IN: Pool("sign-in", SIGN_IN_THREADS, wait_s),
            RequestCost.QUERIES: Pool("queries", threads, wait_s),
        }

    async def respond(self, environ: Environ, closed: asyncio.Event) -> AppResponse | None:
        """The response to a request; None when its client left before it had a thread, which sets `closed`."""
        pool = self._pools.get(request_cost(self._app, environ["PATH_INFO"], environ["REQUEST_METHOD"]))
        if pool is None:
            return await self._run(self._low_cost, environ)
        if not await pool.enter(closed):
            return None if closed.is_set() else await self._run(self._low_cost, {**environ, REFUSED: True})
        try:
            return None if closed.is_set() else await self._run(pool.executor, environ)
        finally:
            pool.leave()

    async def _run(self, executor: Executor, environ: Environ) -> AppResponse:
        response = AppResponse(self._rest)
        await asyncio.get_running_loop().run_in_executor(executor, response.begin, self._app, environ)
        return response
