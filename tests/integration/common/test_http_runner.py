"""The limits of both servers on peers that are slow, in this process: bodies that do not end, answers that nobody takes."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from common.http_runner import make_runner
from tests.support.receivers import Latch, until
from tests.support.slow_clients import Kind, SlowClients, half_a_body, no_reader

SENT_IN_PART = 40 << 10  # the rest stays in the server's own buffer, which is no reason to wait for it
TOO_LARGE = 8 << 20


@contextlib.asynccontextmanager
async def serving(latch: Latch, *, buffer: int = 0, answer_s: float = 600.0) -> AsyncIterator[str]:
    """A server that lets ten connections wait. `/work` waits for the latch, `/read` for its body; `buffer`: its socket's."""

    async def read(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="read")

    async def work(_: web.Request) -> web.Response:
        await latch.wait()
        return web.Response(text="done")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(int(request.query["size"])))

    app = web.Application()
    app.router.add_post("/read", read)
    app.router.add_post("/work", work)
    app.router.add_get("/answer", answer)
    runner = make_runner(app, idle_s=600.0, connections=10, answer_s=answer_s, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    if buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    await web.SockSite(runner, listening).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_body_that_is_still_arriving_counts_as_waiting_and_work_does_not() -> None:
    latch = Latch()
    latch.clear()
    async with serving(latch) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        working = asyncio.create_task(client.post("/work", content=b"all of it"))
        with await asyncio.to_thread(SlowClients(url, [half_a_body("/read")], 40).__enter__) as slow:
            await until(lambda: slow.open <= 10)
            assert (await client.post("/read", content=bytes(100_000))).text == "read"
        latch.set()
        assert (await working).text == "done"


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
async def test_an_answer_that_is_not_taken_counts_as_waiting(headers: str) -> None:
    """Also when only the server's own buffer holds the rest of it, and when the connection is being closed."""
    async with serving(Latch(), buffer=4096) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        with await asyncio.to_thread(SlowClients(url, [unread(SENT_IN_PART, headers)], 40).__enter__) as slow:
            await until(lambda: slow.open <= 10)
            assert (await client.get("/answer?size=3")).content == bytes(3)


async def test_an_answer_must_be_taken_in_time() -> None:
    async with serving(Latch(), buffer=4096, answer_s=0.5) as url:
        with await asyncio.to_thread(SlowClients(url, [unread(TOO_LARGE)], 3).__enter__) as slow:
            await until(lambda: slow.open == 0)


def unread(size: int, headers: str = "") -> Kind:
    return no_reader(f"/answer?size={size}", headers)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /read?password=CANARY HTTP/x\r\nHost: x\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nX-ClickHouse-Key: CANARY\x01\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: CANARY\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nAuthorization CANARY\r\n\r\n",
        b"CANARY\r\n\r\n",
    ],
)
async def test_a_broken_request_is_logged_without_what_it_holds(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(Latch()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /answer?size=1 HTTP/1.1\r\nHost: x\r\n\r\n" + request_)
        answer = await reader.read()
        writer.close()
    assert b" 400 " in answer
    formatted = "\n".join(logging.Formatter("%(message)s").format(record) for record in caplog.records)
    assert "Error handling request" in formatted
    assert "CANARY" not in formatted
