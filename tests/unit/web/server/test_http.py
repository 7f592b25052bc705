"""The dashboard's HTTP server by itself: what it answers to requests that break off, are too long, or whose answer fails."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from web.server.dispatch import PIECE_BYTES, AppResponse, Environ
from web.server.http import DRAINED_MAX, HEAD_MAX, Limits, Server

PATIENCE_S = 30.0
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


async def length_of_body(environ: Environ, _closed: asyncio.Event) -> AppResponse:
    """413 as the app would answer it, and the body's length."""
    length = int(environ["CONTENT_LENGTH"])
    answer = AppResponse(None)
    answer.begun = str(length).encode()
    answer.status = "413 Too Large" if length > DRAINED_MAX else "200 OK"
    answer.headers = [("Content-Length", str(len(answer.begun)))]
    return answer


class Client:
    """The client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()


Respond = Callable[[Environ, asyncio.Event], object]


@asynccontextmanager
async def serving(respond: Respond = length_of_body, read_s: float = PATIENCE_S) -> AsyncIterator[tuple[Server, int]]:
    server = Server(respond, Limits(read_s=read_s, write_s=PATIENCE_S, connections=500, per_network=0))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        server.add_socket(listener)
        try:
            yield server, listener.getsockname()[1]
        finally:
            await server.end(0)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what the server does tells nobody
            await asyncio.sleep(0.01)


class Fails:
    """Files that fail: at the first bytes that are read after the answer has begun, or when they are closed."""

    def __init__(self, closing: bool) -> None:
        self._closing = closing

    def __iter__(self) -> Iterator[bytes]:
        yield b"x" * PIECE_BYTES
        if not self._closing:
            raise OSError("the disk with secret-canary is gone")

    def close(self) -> None:
        if self._closing:
            raise OSError("the disk with secret-canary is gone")


@pytest.mark.parametrize("closing", [False, True])
async def test_a_file_that_fails_ends_the_connection(caplog: pytest.LogCaptureFixture, closing: bool) -> None:
    async def respond(environ: Environ, _closed: asyncio.Event) -> AppResponse:
        def app(_: object, start_response: Callable[..., object]) -> Fails:
            start_response("200 OK", [("Content-Length", str(2 * PIECE_BYTES))])
            return Fails(closing)

        answer = AppResponse(None)
        answer.begin(app, environ)  # type: ignore[arg-type]
        return answer

    async with serving(respond) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert len((await client.answer()).partition(b"\r\n\r\n")[2]) == PIECE_BYTES
    assert "unexpected OSError while an answer was sent" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("header", [("X-Broken", "a\r\nb"), ("Content-Length", "many"), ("Content-Length", "1")])
async def test_a_header_that_cannot_be_sent_ends_the_connection(
    caplog: pytest.LogCaptureFixture, header: tuple[str, str]
) -> None:
    async def respond(_: Environ, _closed: asyncio.Event) -> AppResponse:
        answer = AppResponse.bare("200 OK")
        answer.begun, answer.headers = b"hello", [header]
        return answer

    async with serving(respond) as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await client.answer() == b""
    assert "while an answer was sent" in caplog.text


@pytest.mark.parametrize("rest", [0, 3_000_000])
async def test_a_head_that_is_too_long_is_431(rest: int) -> None:
    async with serving() as (_, port), connected(port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a" * HEAD_MAX + b"a" * rest)
        assert (await client.answer()).startswith(b"HTTP/1.1 431 ")


async def test_a_chunk_whose_length_has_no_end_is_400() -> None:
    async with serving() as (_, port), connected(port) as client:
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 3_000_000)
        assert (await client.answer()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("begun", [b"", b"x\r\n"])  # the second is no chunk: 400 while more is on its way
async def test_a_client_that_sends_on_gets_its_answer(begun: bytes) -> None:
    size = 16_000_000  # more than the system keeps for a server that does not read
    for head in (f"Content-Length: {size}\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        async with serving() as (server, port), connected(port) as client:
            chunked = "chunked" in head
            client.send(POST + head.encode() + (begun or b"%x\r\n" % size if chunked else b""))
            await client.writer.drain()
            client.send(b"x" * size)
            await client.writer.drain()  # only then does it read, as browsers do
            assert (await client.answer()).startswith(b"HTTP/1.1 400 " if chunked and begun else b"HTTP/1.1 413 ")
            client.writer.close()
            await until(lambda server=server: not len(server._lingering))  # type: ignore[misc]


async def test_who_sends_on_without_end_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(read_s=0.1) as (server, port), connected(port) as client:
        client.send(POST + b"Content-Length: 99999999999\r\n\r\n")
        assert (await client.answer()).startswith(b"HTTP/1.1 413 ")
        await until(lambda: not len(server._lingering))
    monkeypatch.setattr("web.server.streams.LINGERING_MAX", 2)
    async with serving() as (server, port), AsyncExitStack() as all_of_them:
        for expected in (1, 2, 2, 2):
            client = await all_of_them.enter_async_context(connected(port))
            client.send(POST + b"Content-Length: 99999999999\r\n\r\n")
            assert (await client.answer()).startswith(b"HTTP/1.1 413 ")
            assert len(server._lingering) == expected


@pytest.mark.parametrize("options", ["close", "TE, close", "Close , te", "te,\tclose"])
async def test_a_connection_that_is_to_be_closed_is_closed(options: str) -> None:
    async with serving() as (_, port), connected(port) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: {options}\r\n\r\n".encode())
        answer = await client.answer()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in answer


async def test_a_client_that_has_left_leaves_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serving() as (server, port):
        for _ in range(20):
            async with connected(port) as client:
                client.send(b"GET / HTTP/1.0\r\n\r\n")
                client.writer.write_eof()
                assert (await client.answer())[:12] in (b"", b"HTTP/1.1 200")
        await until(lambda: not server._connections)
    assert not caplog.records
