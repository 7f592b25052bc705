"""What a request may look like: forms that are none, addresses of any bytes, bodies that inflate; never a fault of the server."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common.body_time import Pace
from common.inflating import PIECE, Inflater, zlib_inflater
from sidecar.embedded import compression
from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.form import FORM_FIELDS, FORM_PARTS
from sidecar.embedded.guard.tree import LONGEST_QUERY
from sidecar.embedded.request import INFLATING, RequestReader, _read_plain
from sidecar.embedded.sql import parse
from tests.integration.sidecar.embedded.test_strangers import raw
from tests.support.embedded import EmbeddedClickHouse, Reply, ask
from tests.support.receivers import until

CANARY = "CANARYCANARY"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        yield server


def form(server: EmbeddedClickHouse, body: bytes, boundary: str = "; boundary=x") -> Reply:
    return ask(server, body, headers={"Content-Type": f"multipart/form-data{boundary}"})


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"


END = b"--x--\r\n"
QUERY = part(b"query", b"SELECT 1")
TEXT = CANARY.encode()
BROKEN_FORMS = {
    "a field that is no UTF-8": (part(b"query", b"SELECT '\xff" + TEXT + b"'") + END, "; boundary=x"),
    "a name that is no UTF-8": (QUERY + part(b"\xff" + TEXT, b"1") + END, "; boundary=x"),
    "a table whose name is no UTF-8": (QUERY + part(b"\xff", TEXT, b'; filename="f"') + END, "; boundary=x"),
    "no boundary": (QUERY + END, ""),
    "a boundary too long": (QUERY + END, f"; boundary={CANARY * 10}"),
    "a boundary of other letters": (QUERY + END, "; boundary=\xe9" + CANARY),
    "no start": (TEXT + b"\r\n", "; boundary=x"),
    "no end": (QUERY[:-2] + TEXT, "; boundary=x"),
    "another boundary": (QUERY + END, f"; boundary={CANARY}"),
    "a part without a name": (b"--x\r\n\r\n" + TEXT + b"\r\n" + END, "; boundary=x"),
    "a part within a part": (
        b"--x\r\nContent-Type: multipart/mixed; boundary=" + TEXT + b"\r\n\r\n--" + TEXT + b"--\r\n" + END,
        "; boundary=x",
    ),
    "a length that is none": (b"--x\r\nContent-Length: " + TEXT + b"\r\n\r\n1\r\n" + END, "; boundary=x"),
    "a header too long": (b"--x\r\nX: " + TEXT * 2000 + b"\r\n\r\n1\r\n" + END, "; boundary=x"),
    "a header that is none": (b"--x\r\n" + TEXT + b"\r\n\r\n1\r\n" + END, "; boundary=x"),
}


@pytest.mark.parametrize("broken", BROKEN_FORMS)
def test_a_form_that_is_none_is_refused_and_not_logged(server: EmbeddedClickHouse, broken: str) -> None:
    reply = form(server, *BROKEN_FORMS[broken])
    assert (reply.status, reply.code) == (400, 36), reply.text
    assert CANARY not in "".join(server.log)
    assert "Traceback" not in "".join(server.log)
    assert not list((server.data / "incoming").iterdir())


def test_fields_and_parts_of_a_form_have_limits(server: EmbeddedClickHouse) -> None:
    assert form(server, QUERY + END).text == "1\n"
    large = form(server, QUERY + part(b"param_a", b"y" * FORM_FIELDS) + END)
    assert (large.status, large.code) == (413, 162)
    many = form(server, QUERY + b"".join(part(b"param_%d" % n, b"1") for n in range(FORM_PARTS)) + END)
    assert (many.status, many.code) == (400, 36)
    assert (
        form(server, part(b"query", b"SELECT {a:String} = ''") + part(b"param_a", b"y" * 200_000) + END).text == "0\n"
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=30), st.booleans())
@example(b"\xff", True)
@example(b"?query_id=\xff", False)
@example(b"?param_\xff=1", False)
@example(b"?query=SELECT+'%FF%ED%A0%80'", False)
@example(b"?session_id=\xed\xa0\x80", True)
def test_an_address_of_any_bytes_is_never_a_fault(server: EmbeddedClickHouse, address: bytes, known: bool) -> None:
    path = b"/" + re.sub(rb"[\x00-\x20\x7f]", b"", address)
    headers = [b"Host: localhost", *([b"X-ClickHouse-Key: " + server.password.encode()] if known else [])]
    for method in (b"GET", b"POST"):
        status, answer = raw(server, *headers, path=path, method=method)
        assert status < 500 or b"X-ClickHouse-Exception-Code" in answer
        assert b"UNKNOWN_EXCEPTION" not in answer, answer
    assert "Traceback" not in "".join(server.log)


def test_an_insert_of_who_may_not_write_is_refused_before_its_rows(server: EmbeddedClickHouse) -> None:
    """No byte of them is waited for: none is sent here, though they are announced."""
    who = [b"Host: x", b"X-ClickHouse-User: readonly", b"X-ClickHouse-Key: " + server.readonly_password.encode()]
    for path in (b"/?query=INSERT+INTO+t+VALUES", b"/?query=INSERT+INTO+t+FORMAT+TSV"):
        status, answer = raw(server, *who, path=path, body=b"", announced=1 << 30)
        assert (status, b"(READONLY)" in answer) == (500, True), answer
    words = b"INSERT INTO t VALUES "
    assert ask(server, words + b"(1)," * 10_000, user="readonly").code == 164
    assert ask(server, gzip.compress(words), user="readonly", headers={"Content-Encoding": "gzip"}).code == 164
    assert ask(server, None, query="INSERT INTO t VALUES (1)", method="GET").code == 164
    large = ask(server, bytes(5 * LONGEST_QUERY), user="readonly", headers={"Content-Encoding": "gzip"})
    assert (large.status, large.code) == (413, 307)


@pytest.mark.parametrize("coding", ["zstd", "gzip", "lz4", "deflate"])
def test_no_step_of_inflating_gives_more_than_a_megabyte(coding: str) -> None:
    deflater = compression.DEFLATERS[coding]()
    bomb = b"".join(deflater.compress(bytes(PIECE)) for _ in range(32)) + deflater.flush()
    readers = compression.inflaters(coding)
    sizes = [len(piece) for piece in compression.inflate(readers, bomb)]
    compression.finish(readers)
    assert sum(sizes) == 32 * PIECE
    assert max(sizes) <= PIECE


class Counted(Inflater):
    """Counts the bodies that are being inflated."""

    now = most = 0

    def __init__(self) -> None:
        super().__init__(zlib_inflater(compression.EITHER_ZLIB)._make)

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        Counted.now += 1
        Counted.most = max(Counted.most, Counted.now)
        yield from super().feed(data)

    def finish(self) -> None:
        super().finish()
        Counted.now -= 1


async def test_few_bodies_are_inflated_at_once_and_none_that_is_still_arriving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(compression.INFLATERS, "gzip", Counted)
    reader, body = RequestReader(tmp_path, 1 << 20), gzip.compress(b"1\n" * 1000)
    rest = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        taken = await reader.read(request, Pace(60, 60), writes=True)
        assert taken.data is not None
        return web.Response(body=taken.data.read_bytes())

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:20]
        await rest.wait()
        yield body[20:]

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/?query=INSERT+INTO+t+FORMAT+TSV"
    async with httpx.AsyncClient(timeout=60) as client:
        coded = {"Content-Encoding": "gzip"}
        sending = [asyncio.create_task(client.post(url, content=slowly(), headers=coded)) for _ in range(8)]
        await until(lambda: len(list(tmp_path.iterdir())) == 8)
        assert (await client.post(url, content=body, headers=coded)).content == b"1\n" * 1000  # nobody waits for them
        assert Counted.most == 1
        rest.set()
        assert {(await one).content for one in sending} == {b"1\n" * 1000}
    assert 1 <= Counted.most <= INFLATING
    await runner.cleanup()


async def test_an_insert_that_comes_byte_by_byte_is_parsed_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []

    def counted(sql: bytes) -> Any:
        parsed.append(len(sql))
        return parse(sql)

    monkeypatch.setattr("sidecar.embedded.request.parse", counted)

    async def pieces() -> Any:
        yield b"INSERT INTO t (" + b"a," * (33 << 10)
        for _ in range(2000):
            yield b"a,"
        yield b"," * LONGEST_QUERY

    with pytest.raises(ClickHouseError, match="longer than"):
        await _read_plain({}, tmp_path, pieces(), True)
    assert len(parsed) <= 3
