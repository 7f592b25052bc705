"""A TCP proxy on loopback that passes bytes on until a test tells it to hold, cut, refuse or slow them down."""

import asyncio
import contextlib
import hashlib
import itertools
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

PIECE = 65536
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

# Where one exchange is stopped: before anything of its request is passed on, in the middle of the request's body, or when
# the other side has done the work and its reply must not arrive.
Moment = Literal["request", "half", "reply"]


class _Cut(Exception):  # noqa: N818 -- ends both directions of a connection
    """The connection ends here."""


class Interceptor:
    """Waits for one exchange whose request holds `marker`. `reached` is set when it is held; `cut` then drops the connection."""

    def __init__(self, marker: bytes, moment: Moment) -> None:
        self.marker = marker
        self.moment = moment
        self.caught = asyncio.Event()  # the exchange was chosen; its request goes on if the reply is waited for
        self.reached = asyncio.Event()
        self._cut = asyncio.Event()

    def cut(self) -> None:
        self._cut.set()

    async def reach(self) -> None:
        self.reached.set()
        await self._cut.wait()
        raise _Cut


@dataclass
class _Link:
    client_in: asyncio.StreamReader
    client_out: asyncio.StreamWriter
    server_in: asyncio.StreamReader
    server_out: asyncio.StreamWriter
    tail: bytes = b""  # the end of what was read before: a marker may lie across two reads
    interceptor: Interceptor | None = None  # waits for the reply


class Proxy:
    """Listens on `port` while used as an async context manager; what may go wrong is set by its fields."""

    def __init__(self, upstream_port: int) -> None:
        self.down = False  # connections are dropped, new ones at once
        self.answer: bytes | None = None  # a whole HTTP response for every request, which is not passed on
        self.turned_away: list[tuple[float, bytes]] = []  # when, and what: those whom `answer` was given to
        self.bytes_per_s: float | None = None  # of requests
        self.port = 0
        self._upstream_port = upstream_port
        self._interceptor: Interceptor | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def intercept(self, marker: bytes, moment: Moment) -> Interceptor:
        """Hold the next exchange whose request holds the marker, once."""
        self._interceptor = Interceptor(marker, moment)
        return self._interceptor

    def turn_away(self, answer: bytes) -> None:
        """Give this answer to every request from now on, and note who comes."""
        self.turned_away, self.answer = [], answer

    def returns(self, marker: bytes) -> list[float]:
        """Seconds between attempts of one and the same request among those turned away that hold the marker."""
        attempts: dict[bytes, list[float]] = defaultdict(list)
        for at, request in self.turned_away:
            head, _, body = request.partition(END_OF_HEAD)
            if marker in head:
                attempts[hashlib.sha256(body).digest()].append(at)
        return [later - sooner for times in attempts.values() for sooner, later in itertools.pairwise(times)]

    def drop_connections(self) -> None:
        """Cut every open connection."""
        for task in self._tasks:
            task.cancel()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop_connections()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(client_in, client_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        writers = [client_out]
        try:
            if self.down:
                return
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            writers.append(server_out)
            link = _Link(client_in, client_out, server_in, server_out)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(link))
                both.create_task(self._replies(link))
        except* (_Cut, OSError):
            pass
        finally:
            for writer in writers:
                writer.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await writer.wait_closed()

    async def _requests(self, link: _Link) -> None:
        while data := await link.client_in.read(PIECE):
            if self.down:
                raise _Cut
            if self.answer is not None:
                await self._answer(link, self.answer, data)
            interceptor, seen = self._interceptor, link.tail + data
            if interceptor is not None and interceptor.marker in seen:
                self._interceptor = None
                interceptor.caught.set()
                if interceptor.moment == "reply":
                    link.interceptor = interceptor
                else:
                    if interceptor.moment == "half":
                        await self._pass_half(link, data)
                    await interceptor.reach()
            link.tail = seen[-100:]
            await self._pass(link.server_out, data)
        raise _Cut

    async def _replies(self, link: _Link) -> None:
        while data := await link.server_in.read(PIECE):
            if link.interceptor is not None:
                await link.interceptor.reach()
            if self.down:
                raise _Cut
            link.client_out.write(data)
            await link.client_out.drain()
        raise _Cut

    async def _pass(self, to: asyncio.StreamWriter, data: bytes) -> None:
        while data and self.bytes_per_s is not None:
            size = max(1, int(self.bytes_per_s / 10))
            to.write(data[:size])
            data = data[size:]
            await to.drain()
            await asyncio.sleep(0.1)  # the slow line itself
        to.write(data)
        await to.drain()

    async def _pass_half(self, link: _Link, data: bytes) -> None:
        """Pass on the request's head and half of its body."""
        data, head, length = await self._head(link, data)
        wanted = head + (length // 2 or 1)
        data = await self._until(link, data, wanted)
        link.server_out.write(data[:wanted])
        await link.server_out.drain()

    async def _answer(self, link: _Link, response: bytes, data: bytes) -> None:
        data, head, length = await self._head(link, data)
        # to its end: to close on unread bytes would reset the answer
        data = await self._until(link, data, head + length)
        self.turned_away.append((time.monotonic(), data))
        link.client_out.write(response)
        await link.client_out.drain()
        raise _Cut

    async def _head(self, link: _Link, data: bytes) -> tuple[bytes, int, int]:
        """Read a request's head to its end; what was read by then, the head's length and the announced body's."""
        while END_OF_HEAD not in data:
            data += await link.client_in.read(PIECE) or _end()
        head = data.index(END_OF_HEAD) + len(END_OF_HEAD)
        announced = LENGTH.search(data[:head])
        return data, head, int(announced[1]) if announced else 0

    async def _until(self, link: _Link, data: bytes, size: int) -> bytes:
        while len(data) < size:
            data += await link.client_in.read(PIECE) or _end()
        return data


def _end() -> bytes:
    raise _Cut


def refusal(status: int, retry_after_s: int) -> bytes:
    """An HTTP response that sends the client away for a while."""
    head = (
        f"HTTP/1.1 {status} Refused\r\nRetry-After: {retry_after_s}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    return head.encode()
