"""The HTTP interface byte by byte: who may enter, headers, statuses, codings, forms, sessions."""

import base64
import gzip
import json
import subprocess
import uuid
import zlib
from collections.abc import Callable, Iterator

import lz4.frame
import pytest
import zstandard

from tests.support.embedded import EmbeddedClickHouse, ask

BOMB = 40 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded"), MAX_BODY_MB="16") as server:
        yield server


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def plain(server: EmbeddedClickHouse, *arguments: str) -> str:
    done = subprocess.run(["curl", "-sS", *arguments], capture_output=True, check=True)
    return done.stdout.decode()


def test_ping_and_root_need_no_password(server: EmbeddedClickHouse) -> None:
    for path in ("/", "/ping", "/replicas_status"):
        assert plain(server, server.base_url + path) == "Ok.\n"
    assert "200" in plain(server, "-I", f"{server.base_url}/ping")


@pytest.mark.parametrize(
    ("options", "code", "status"),
    [
        ([], "194", "401"),
        (["-u", "default:"], "194", "401"),
        (["-u", "default:wrong"], "516", "403"),
        (["-u", "nobody:"], "516", "403"),
        (["-u", "nobody:wrong"], "516", "403"),
        (["-H", "X-ClickHouse-User: default", "-H", "X-ClickHouse-Key: wrong"], "516", "403"),
        (["-H", "Authorization: Bearer x"], "516", "401"),
        (["-H", "Authorization: Basic %%%"], "516", "401"),
        (["--url-query", "user=default", "--url-query", "password=wrong"], "516", "403"),
    ],
)
def test_who_is_not_known_is_refused(server: EmbeddedClickHouse, options: list[str], code: str, status: str) -> None:
    written = "\n%{http_code} %header{x-clickhouse-exception-code}"
    answer = plain(server, *options, "-w", written, "-d", "SELECT 1", server.base_url)
    assert answer.endswith(f"\n{status} {code}")
    assert answer.startswith(f"Code: {code}. DB::Exception: ")


def test_each_way_to_say_who_one_is(server: EmbeddedClickHouse) -> None:
    for options in (
        ["-u", f"default:{server.password}"],
        ["-u", f"readonly:{server.readonly_password}"],
        ["-H", "X-ClickHouse-User: default", "-H", f"X-ClickHouse-Key: {server.password}"],
        ["-H", f"X-ClickHouse-Key: {server.password}"],
        ["--url-query", "user=default", "--url-query", f"password={server.password}"],
        ["--url-query", f"password={server.password}"],
    ):
        assert plain(server, *options, "-d", "SELECT 1", server.base_url) == "1\n"


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("", 62, 400),
        ("SELECT 1; SELECT 2", 62, 400),
        ("SELECT * FROM nothing", 60, 404),
        ("SELECT * FROM nothing.nothing", 81, 404),
        ("SELECT nothing", 47, 404),
        ("SELECT noSuchFunction()", 46, 404),
        ("SELECT 1 FORMAT Nothing", 73, 404),
        ("SELECT 1 SETTINGS nothing = 1", 115, 404),
        ("SELECT toUInt8('x')", 6, 400),
        ("SELECT sleep(3) SETTINGS max_execution_time = 1", 159, 408),
        ("SELECT throwIf(1)", 395, 500),
        ("SELECT '\udc80'", 62, 400),
    ],
)
@pytest.mark.parametrize("wait", ["0", "1"])
def test_an_error_has_its_code_and_status(
    server: EmbeddedClickHouse, sql: str, code: int, status: int, wait: str
) -> None:
    reply = ask(server, sql.encode("utf-8", "surrogateescape"), wait_end_of_query=wait)
    assert (reply.code, reply.status) == (code, status), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert reply.text.count("(version ") == 1


def test_headers_tell_about_the_query(server: EmbeddedClickHouse) -> None:
    name = uuid.uuid4().hex
    reply = ask(
        server,
        "SELECT number FROM numbers(1000)",
        query_id=name,
        wait_end_of_query="1",
        send_progress_in_http_headers="1",
    )
    assert reply.headers["X-ClickHouse-Query-Id"] == name
    assert reply.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert reply.headers["Content-Type"].startswith("text/tab-separated-values")
    assert reply.headers["X-ClickHouse-Timezone"] == "UTC"
    assert reply.headers["X-ClickHouse-Server-Display-Name"]
    for header in ("X-ClickHouse-Summary", "X-ClickHouse-Progress"):
        assert json.loads(reply.headers[header])["read_rows"] == "1000"
    with server.fresh_database() as database:
        ask(server, "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a", database=database)
        for sql in ("INSERT INTO t SELECT number FROM numbers(7)", "INSERT INTO t FORMAT TSV\n" + "1\n" * 7):
            assert (
                json.loads(ask(server, sql, database=database).headers["X-ClickHouse-Summary"])["written_rows"] == "7"
            )


def test_formats_and_databases_by_header_address_and_statement(server: EmbeddedClickHouse) -> None:
    assert ask(server, "SELECT 1 AS a", default_format="CSVWithNames").text == '"a"\n1\n'
    assert ask(server, "SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSONEachRow"}).text == '{"a":1}\n'
    assert ask(server, "SELECT 1 AS a FORMAT CSV", default_format="JSON").text == "1\n"
    assert ask(server, "SELECT currentDatabase()", headers={"X-ClickHouse-Database": "system"}).text == "system\n"
    assert ask(server, "SELECT currentDatabase()", database="system").text == "system\n"
    assert ask(server, "SELECT currentDatabase()").text == "default\n"
    assert ask(server, "SELECT 1", database="nothing").code == 81
    for output in ("JSON", "JSONCompact", "Pretty", "XML", "Parquet", "Vertical", "CSVWithNamesAndTypes", "Markdown"):
        reply = ask(server, "SELECT number AS n FROM numbers(150000)", default_format=output)
        assert reply.status == 200
        assert reply.headers["X-ClickHouse-Format"] == output
        if output.startswith("JSON"):
            assert json.loads(reply.body)["rows"] == 150_000


def test_query_in_the_address_and_in_the_body(server: EmbeddedClickHouse) -> None:
    assert ask(server, None, query="SELECT 1").text == "1\n"
    assert ask(server, "+ 2", query="SELECT 1").text == "3\n"
    with server.fresh_database() as database:
        ask(server, "CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s", database=database)
        ask(server, b"\nfirst byte is a newline\0", query="INSERT INTO t FORMAT RawBLOB", database=database)
        ask(server, b"INSERT INTO t FORMAT RawBLOB\n\n\nsecond", database=database)
        ask(server, "('c'), ('d')", query="INSERT INTO t VALUES ('a'), ('b'),", database=database)
        assert ask(server, "SELECT s FROM t ORDER BY s FORMAT JSONCompactColumns", database=database).text == (
            '[\n\t["\\n\\nsecond", "\\nfirst byte is a newline\\u0000", "a", "b", "c", "d"]\n]\n'
        )


def test_get_changes_nothing(server: EmbeddedClickHouse) -> None:
    reply = ask(server, None, query="CREATE DATABASE made", method="GET")
    assert (reply.code, reply.status) == (164, 500)
    assert ask(server, None, query="SELECT getSetting('readonly')", method="GET").text == "2\n"
    assert ask(server, "EXISTS DATABASE made").text == "0\n"


def lz4_frames(data: bytes) -> bytes:
    half = len(data) // 2
    return bytes(lz4.frame.compress(data[:half]) + lz4.frame.compress(data[half:]))


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4_frames,
}
PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "lz4": lz4.frame.decompress,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_codings_of_requests_and_answers(server: EmbeddedClickHouse, coding: str) -> None:
    sql = CODINGS[coding](b"SELECT number, 'x' FROM numbers(400000)")
    reply = ask(
        server, sql, headers={"Content-Encoding": coding, "Accept-Encoding": coding}, enable_http_compression="1"
    )
    assert reply.headers["Content-Encoding"] == coding
    assert PLAIN[coding](reply.body).count(b"\n") == 400_000
    plain_reply = ask(server, sql, headers={"Content-Encoding": coding, "Accept-Encoding": coding})
    assert "Content-Encoding" not in plain_reply.headers
    broken = ask(server, CODINGS[coding](b"SELECT 1" + b" " * 5000)[:-6], headers={"Content-Encoding": coding})
    assert broken.code == 271
    assert ask(server, b"not coded at all", headers={"Content-Encoding": coding}).code == 271


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_refused_while_it_inflates(server: EmbeddedClickHouse, coding: str) -> None:
    with server.fresh_database() as database:
        ask(server, "CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY s", database=database)
        bomb = CODINGS[coding](b"INSERT INTO t FORMAT TSV\n" + bytes(BOMB))
        reply = ask(server, bomb, headers={"Content-Encoding": coding}, database=database)
        assert (reply.code, reply.status) == (307, 413)
        assert ask(server, "SELECT count() FROM t", database=database).text == "0\n"
    assert list((server.data / "incoming").iterdir()) == []


def test_what_is_not_supported_says_so(server: EmbeddedClickHouse) -> None:
    assert ask(server, "SELECT 1", headers={"Content-Encoding": "br"}).code == 89
    assert ask(server, "INSERT INTO t SELECT * FROM input('a Int8') FORMAT TSV\n1").code == 48
    assert "no handle" in plain(server, f"{server.base_url}/play")


def test_sessions_have_their_errors(server: EmbeddedClickHouse) -> None:
    assert ask(server, "SELECT 1", session_id="unknown", session_check="1").code == 372
    assert ask(server, "SELECT 1", session_id="s", session_timeout="99999").code == 374
    assert ask(server, "SET max_threads = 5", session_id="s").status == 200
    assert ask(server, "SELECT getSetting('max_threads')", session_id="s", session_check="1").text == "5\n"
    assert ask(server, "SELECT 1", user="readonly", session_id="s", session_check="1").code == 372
    assert ask(server, "SELECT 1", session_id="s", close_session="1").text == "1\n"
    assert ask(server, "SELECT 1", session_id="s", session_check="1").code == 372


def test_an_error_after_the_first_bytes_stands_between_marks(server: EmbeddedClickHouse) -> None:
    sql = "SELECT throwIf(number = 4000000) FROM numbers(5000000)"
    done = subprocess.run(
        ["curl", "-sS", "-D", "-", "-u", f"default:{server.password}", "-d", sql, server.base_url], capture_output=True
    )
    assert done.returncode != 0, "the answer must not look complete"
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    tag = next(line.split(b": ")[1] for line in head.split(b"\r\n") if b"Exception-Tag" in line)
    before, _, message = body.rpartition(b"\r\n__exception__\r\n" + tag + b"\r\nCode: 395")
    assert before.startswith(b"0\n0\n")
    assert message.endswith(tag + b"\r\n__exception__\r\n")


def test_logs_hold_no_query_and_no_password(server: EmbeddedClickHouse) -> None:
    ask(server, "SELECT 'canary-in-a-query' FROM nothing")
    ask(server, "SELEC 'canary-in-a-query'", param_name="canary-in-a-query")
    plain(server, "-u", "default:canary-in-a-password", "-d", "SELECT 1", server.base_url)
    log = "".join(server.log)
    assert "error 60" in log
    assert "canary" not in log
    assert server.password not in log


def test_the_build_prints_numbers_right_and_has_the_usual_functions(server: EmbeddedClickHouse) -> None:
    """A trimmed build of the engine fails both; see docs/adr/0002."""
    assert ask(server, "SELECT 1e300, 1.7976931348623157e308").text == "1e300\t1.7976931348623157e308\n"
    names = (
        "base64Encode",
        "mapFilter",
        "lowerUTF8",
        "quantileTDigest",
        "arrayFold",
        "groupBitmap",
        "sipHash128",
        "retention",
    )
    listed = ", ".join(f"'{name}'" for name in names)
    assert ask(server, f"SELECT count() FROM system.functions WHERE name IN ({listed})").text == f"{len(names)}\n"
