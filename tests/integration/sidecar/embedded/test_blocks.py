"""`compress=1` and `decompress=1` over HTTP: answers, failures and uploads in ClickHouse's compressed blocks."""

import gzip
import http.client
import urllib.parse
from collections.abc import Iterator

import pytest

from sidecar.embedded.block_compression import HEAD, LARGEST, LZ4, NONE, ZSTD, BlockDeflater, BlockInflater
from tests.support.embedded import EmbeddedClickHouse, Reply, ask

METHODS = {"NONE": NONE, "LZ4": LZ4, "ZSTD": ZSTD}
ROWS = b"".join(b"%d\ttext %d\n" % (number, number) for number in range(100_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded"), MAX_BODY_MB="4") as server:
        yield server


@pytest.fixture
def table(server: EmbeddedClickHouse) -> Iterator[str]:
    with server.fresh_database() as database:
        made = ask(server, f"CREATE TABLE {database}.t (a Int64, s String) ENGINE = MergeTree ORDER BY a")
        assert made.status == 200
        yield f"{database}.t"


def inflated(body: bytes) -> bytes:
    reader = BlockInflater()
    plain = b"".join(reader.feed(body))
    reader.finish()
    return plain


def upload(server: EmbeddedClickHouse, table: str, body: bytes, **query: str) -> Reply:
    return ask(server, body, query, query=f"INSERT INTO {table} FORMAT TSV", decompress="1")


def stored(server: EmbeddedClickHouse, table: str) -> str:
    return ask(server, f"SELECT count(), sum(a), sum(length(s)) FROM {table}").text


def nothing_is_left(server: EmbeddedClickHouse, table: str) -> bool:
    return stored(server, table) == "0\t0\t0\n" and list((server.data / "incoming").iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT number, toString(number) FROM numbers(300000)", "SHOW DATABASES"])
@pytest.mark.parametrize("format_", ["TSV", "JSON", "Native"])
def test_an_answer_in_blocks_is_the_same(server: EmbeddedClickHouse, sql: str, format_: str) -> None:
    plain = ask(server, sql, default_format=format_, wait_end_of_query="1")
    for method, number in [("", LZ4), *METHODS.items(), ("LZ4HC", LZ4)]:
        given = {"network_compression_method": method} if method else {}
        reply = ask(server, sql, given, default_format=format_, compress="1")
        assert HEAD.unpack_from(reply.body, 16)[0] == number
        assert "Content-Encoding" not in reply.headers
        body = inflated(reply.body)
        assert body.split(b'"elapsed"')[0] == plain.body.split(b'"elapsed"')[0]  # JSON tells the time it took


def test_blocks_within_a_content_coding(server: EmbeddedClickHouse, table: str) -> None:
    wants = {"Accept-Encoding": "gzip"}
    reply = ask(server, "SELECT 'x'", headers=wants, compress="1", enable_http_compression="1")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert inflated(gzip.decompress(reply.body)) == b"x\n"
    body = gzip.compress(BlockDeflater().compress(b"1\tx\n"))
    coded = {"Content-Encoding": "gzip"}
    assert ask(server, body, headers=coded, query=f"INSERT INTO {table} FORMAT TSV", decompress="1").status == 200
    assert stored(server, table) == "1\t1\t1\n"


def test_no_answer_is_no_block(server: EmbeddedClickHouse) -> None:
    assert ask(server, "SELECT 1 WHERE 0", compress="1").body == b""
    assert ask(server, "SELECT 1", compress="0").body == b"1\n"


def test_a_failure_is_in_blocks_for_who_may_ask(server: EmbeddedClickHouse) -> None:
    for sql, status in [("SELECT * FROM nothing", 404), ("SELECT", 400), ("SELECT throwIf(1)", 500)]:
        reply = ask(server, sql, compress="1")
        assert (reply.status, reply.code > 0) == (status, True)
        assert b"DB::Exception" in inflated(reply.body)
    stranger = ask(server, "SELECT 1", headers={"X-ClickHouse-Key": "wrong"}, compress="1")
    assert stranger.status in (401, 403)
    assert "Code: 516" in stranger.text


def test_a_failure_in_the_middle_is_the_last_block(server: EmbeddedClickHouse) -> None:
    sql = "SELECT sipHash64(number), throwIf(number = 400000) FROM numbers(500000)"
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    who = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": server.password}
    connection.request("POST", f"/?{urllib.parse.urlencode({'compress': '1'})}", sql, who)
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    connection.close()
    said = inflated(caught.value.partial)
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    assert said.endswith(tag + b"\r\n__exception__\r\n")
    assert b"FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" in said[-2000:]


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_an_upload_in_blocks_is_stored(server: EmbeddedClickHouse, table: str, method: int) -> None:
    cuts = [BlockDeflater(method).compress(ROWS[at : at + 77_777]) for at in range(0, len(ROWS), 77_777)]
    assert upload(server, table, b"".join(cuts)).status == 200
    assert stored(server, table).startswith("100000\t4999950000\t")


def test_the_statement_may_be_in_the_blocks(server: EmbeddedClickHouse, table: str) -> None:
    body = BlockDeflater().compress(f"INSERT INTO {table} FORMAT TSV\n".encode() + b"5\tx\n")
    assert ask(server, body, decompress="1").status == 200
    assert ask(server, BlockDeflater(ZSTD).compress(f"SELECT a FROM {table}".encode()), decompress="1").text == "5\n"


@pytest.mark.parametrize("at", [0, 15, 16, 17, 20, 21, 25, -1])
def test_a_damaged_upload_stores_nothing(server: EmbeddedClickHouse, table: str, at: int) -> None:
    good = BlockDeflater().compress(ROWS[:500_000])
    bad = bytearray(BlockDeflater().compress(ROWS[500_000:600_000]))
    bad[at] ^= 0x55
    reply = upload(server, table, good + bad)
    assert reply.code in (33, 40, 89, 131, 271)
    assert nothing_is_left(server, table)


def test_an_upload_that_breaks_off_stores_nothing(server: EmbeddedClickHouse, table: str) -> None:
    body = BlockDeflater().compress(ROWS)
    for kept in (len(body) - 1, len(body) // 2, 10):
        reply = upload(server, table, body[:kept])
        assert reply.code == 271
        assert "broke off" in reply.text
    assert nothing_is_left(server, table)


def test_what_is_too_large_is_refused(server: EmbeddedClickHouse, table: str) -> None:
    announced = upload(server, table, b"\0" * 16 + HEAD.pack(LZ4, LARGEST + 1, 5))
    assert (announced.status, announced.code) == (413, 131)
    assert "smaller batches" in announced.text
    whole = upload(server, table, BlockDeflater().compress(bytes(5 << 20)))  # the server's limit is 4 MiB
    assert (whole.status, whole.code) == (413, 307)
    assert nothing_is_left(server, table)


def test_a_body_in_no_blocks_is_refused_with_what_to_do(server: EmbeddedClickHouse, table: str) -> None:
    reply = upload(server, table, b"1\tnot compressed at all\n2\tnor this\n")
    assert reply.code == 89
    assert "decompress=1" in reply.text
    assert nothing_is_left(server, table)
