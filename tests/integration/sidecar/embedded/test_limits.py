"""What queries may cost: time, memory, turns; and that nobody's query outlives its client."""

import json
import socket
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from tests.support.embedded import EmbeddedClickHouse, ask

MIB = 1 << 20
ENDLESS = "SELECT count() FROM numbers(1000000000000)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    folder = tmp_path_factory.mktemp("embedded")
    with EmbeddedClickHouse(folder, READONLY_MAX_EXECUTION_TIME_S="1", MAX_CONCURRENT_QUERIES="4") as server:
        yield server


def until(true: Callable[[], bool], what: str, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)


def running(server: EmbeddedClickHouse, text: str) -> int:
    sql = "SELECT count() FROM system.processes WHERE position(query, {text:String}) > 0 AND query_id != queryID()"
    return int(ask(server, sql, param_text=text).text)


def test_a_reader_has_a_time_limit(server: EmbeddedClickHouse) -> None:
    reply = ask(server, ENDLESS, user="readonly")
    assert (reply.code, reply.status) == (159, 408)
    assert ask(server, ENDLESS, max_execution_time="1").code == 159


def test_a_query_has_a_memory_limit(server: EmbeddedClickHouse) -> None:
    sql = "SELECT uniqExact(number) FROM numbers(100000000)"
    assert ask(server, sql, user="readonly", max_memory_usage=str(50 * MIB)).code == 241
    assert ask(server, sql, max_memory_usage=str(50 * MIB)).code == 241


@pytest.mark.parametrize("wait", ["0", "1"])
def test_a_query_ends_when_its_client_leaves(server: EmbeddedClickHouse, wait: str) -> None:
    mark = uuid.uuid4().hex
    sql = f"{ENDLESS} WHERE '{mark}' != ''"
    head = (
        f"POST /?password={server.password}&wait_end_of_query={wait} HTTP/1.1\r\n"
        f"Host: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
    )
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(head.encode())
        until(lambda: running(server, mark) == 1, "the query runs")
    until(lambda: running(server, mark) == 0, "the query was cancelled")
    until(lambda: not list((server.data / "incoming").iterdir()), "its files are gone")
    assert mark not in "".join(server.log)


def test_kill_query_by_the_id_that_the_client_gave(server: EmbeddedClickHouse) -> None:
    name = uuid.uuid4().hex
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, server, ENDLESS, query_id=name)
        until(lambda: running(server, "1000000000000") == 1, "the query runs")
        assert ask(server, "SELECT 1", query_id=name).code == 216
        assert ask(server, f"KILL QUERY WHERE query_id = '{name}' SYNC").status == 200
        assert asked.result(20).code == 394


def test_an_upload_that_breaks_off_stores_nothing(server: EmbeddedClickHouse) -> None:
    with server.fresh_database() as database:
        ask(server, "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a", database=database)
        head = (
            f"POST /?password={server.password}&database={database}&query=INSERT+INTO+t+FORMAT+TSV HTTP/1.1\r\n"
            "Host: x\r\nContent-Length: 1000000\r\n\r\n1\n2\n"
        )
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(head.encode())
            until(lambda: bool(list((server.data / "incoming").iterdir())), "the body is being spooled")
        until(lambda: not list((server.data / "incoming").iterdir()), "the files are gone")
        assert ask(server, "SELECT count() FROM t", database=database).text == "0\n"


def test_queries_take_turns_and_too_many_are_told(server: EmbeddedClickHouse, tmp_path: Any) -> None:
    with (
        EmbeddedClickHouse(tmp_path, MAX_CONCURRENT_QUERIES="2", MAX_QUEUED_QUERIES="1", QUEUE_TIME_S="0.3") as small,
        ThreadPoolExecutor(8) as pool,
    ):
        replies = list(pool.map(lambda _: ask(small, "SELECT sleep(1)"), range(8)))
        codes = sorted(reply.code for reply in replies)
        assert codes == [0, 0] + [202] * 6
        assert {reply.status for reply in replies if reply.code} == {503}
        until(lambda: ask(small, "SELECT 1").text == "1\n", "turns are free again")


def test_many_small_queries_at_once(server: EmbeddedClickHouse) -> None:
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda i: ask(server, f"SELECT {i}, sum(number) FROM numbers(1000)"), range(300)))
    assert [reply.text for reply in replies] == [f"{i}\t499500\n" for i in range(300)]


class Peak:
    """The highest RSS of a process, looked at all the time."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self.before = self.highest = self._process.memory_info().rss

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.highest = max(self.highest, self._process.memory_info().rss)

    @property
    def growth_mib(self) -> float:
        return (self.highest - self.before) / MIB


@pytest.mark.parametrize("output", ["Native", "JSONEachRow", "JSON", "CSVWithNames"])
@pytest.mark.parametrize("wait", ["0", "1"])
def test_large_answers_leave_memory_flat(server: EmbeddedClickHouse, output: str, wait: str) -> None:
    ask(server, "SELECT number FROM numbers(100000)")  # buffers that stay are there before the count begins
    rows = 3_000_000
    sql = f"SELECT number, repeat('x', 100) AS text FROM numbers({rows}) FORMAT {output}"
    size = 0
    request = urllib.request.Request(
        f"{server.base_url}/?password={server.password}&wait_end_of_query={wait}", data=sql.encode()
    )
    with Peak(server.pid) as peak, urllib.request.urlopen(request) as answer:
        while piece := answer.read(MIB):
            size += len(piece)
    assert size > rows * 100
    assert peak.growth_mib < 150, f"{size / MIB:.0f} MiB were sent, memory grew by {peak.growth_mib:.0f} MiB"


def test_large_inserts_leave_memory_flat(server: EmbeddedClickHouse) -> None:
    with server.fresh_database() as database:
        ask(server, "CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a", database=database)
        line = json.dumps({"a": 1, "s": "y" * 200}).encode() + b"\n"
        body = line * 1_000_000
        with Peak(server.pid) as peak:
            reply = ask(server, body, query="INSERT INTO t FORMAT JSONEachRow", database=database)
        assert reply.status == 200, reply.text
        assert ask(server, "SELECT count() FROM t", database=database).text == "1000000\n"
    assert peak.growth_mib < 350, f"{len(body) / MIB:.0f} MiB were sent, memory grew by {peak.growth_mib:.0f} MiB"
