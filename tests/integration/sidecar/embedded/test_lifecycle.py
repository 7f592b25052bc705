"""The life of the process: starting, two owners of one folder, SIGTERM under load, SIGKILL in the middle of inserts."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.paths import ROOT

BATCH = 500
TABLE = "CREATE TABLE t (batch UInt64, i UInt64) ENGINE = MergeTree ORDER BY batch"


def launch(server: EmbeddedClickHouse, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = server.environment() | {f"CHATTRAIL_EMBEDDED_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "sidecar.embedded"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_data_and_default_are_there_after_a_restart(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        ask(server, "CREATE TABLE default.kept (a Int64) ENGINE = MergeTree ORDER BY a")
        ask(server, "CREATE TABLE chattrail.kept (a Int64) ENGINE = MergeTree ORDER BY a")
        for database in ("default", "chattrail", "default"):
            ask(server, "INSERT INTO kept VALUES (7)", database=database)
            server.restart()
        assert ask(server, "SELECT sum(a) FROM kept", database="default").text == "14\n"
        assert ask(server, "SELECT sum(a) FROM kept", database="chattrail").text == "7\n"
        assert ask(server, "SELECT engine FROM system.databases WHERE name = 'default'").text == "Atomic\n"
        assert ask(server, "SELECT * FROM no_such_table").code == 60


def test_a_second_process_is_told_who_has_the_folder(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        second = launch(server, PORT="0")
        assert second.returncode == 1
        assert f"process {server.pid}" in second.stderr
        assert "CHATTRAIL_EMBEDDED_DATA" in second.stderr
        assert ask(server, "SELECT 1").text == "1\n"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = launch(EmbeddedClickHouse(tmp_path), PORT=port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "CHATTRAIL_EMBEDDED_PORT" in done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HOST": "0.0.0.0", "PASSWORD": ""}, "CHATTRAIL_EMBEDDED_PASSWORD"),
        ({"HOST": "::", "PASSWORD": ""}, "CHATTRAIL_EMBEDDED_PASSWORD"),
        ({"PORT": "abc"}, "CHATTRAIL_EMBEDDED_PORT"),
        ({"DATA": "/tmp/a?b"}, "CHATTRAIL_EMBEDDED_DATA"),
        ({"PASWORD": "x"}, "did you mean CHATTRAIL_EMBEDDED_PASSWORD"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    done = launch(EmbeddedClickHouse(tmp_path), **settings)
    assert done.returncode == 2
    assert said in done.stderr


def test_another_address_admits_no_reader_without_a_password(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path, HOST="0.0.0.0", READONLY_PASSWORD="") as server:
        assert ask(server, "SELECT 1").text == "1\n"
        assert ask(server, "SELECT 1", headers={"X-ClickHouse-User": "readonly", "X-ClickHouse-Key": ""}).code == 516


class Writers:
    """Threads that insert numbered batches until they are refused; `stored` are those that were acknowledged."""

    def __init__(self, server: EmbeddedClickHouse, threads: int = 4) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._stopped = threading.Event()
        self.stored: set[int] = set()
        self.tried: set[int] = set()
        self._pool = ThreadPoolExecutor(threads)
        self._running = [self._pool.submit(self._write) for _ in range(threads)]

    def _write(self) -> None:
        while not self._stopped.is_set():
            number = next(self._numbers)
            self.tried.add(number)
            rows = "".join(f"{number}\t{i}\n" for i in range(BATCH))
            try:
                reply = ask(self._server, f"INSERT INTO t FORMAT TSV\n{rows}", database="chattrail")
            except OSError:
                return
            if reply.status != 200:
                return
            self.stored.add(number)

    def wait_for(self, batches: int) -> None:
        deadline = time.monotonic() + 30
        while len(self.stored) < batches:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> None:
        self._stopped.set()
        self._pool.shutdown()


def assert_whole(server: EmbeddedClickHouse, writers: Writers) -> None:
    rows = ask(server, "SELECT batch, count(), uniqExact(i) FROM t GROUP BY batch", database="chattrail").text
    found = {int(batch): (int(n), int(u)) for batch, n, u in (row.split("\t") for row in rows.splitlines())}
    assert writers.stored - set(found) == set(), "acknowledged batches are lost"
    assert set(found) - writers.tried == set()
    assert set(found.values()) == {(BATCH, BATCH)}, "a batch is there in part"


@pytest.mark.parametrize("batches", [5, 40, 120])
def test_sigkill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, batches: int) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        ask(server, TABLE, database="chattrail")
        writers = Writers(server)
        writers.wait_for(batches)
        server.kill()
        writers.end()
        server.start()
        assert_whole(server, writers)
        assert list((server.data / "incoming").iterdir()) == []


def test_sigterm_under_load_loses_nothing_and_ends_soon(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        ask(server, TABLE, database="chattrail")
        writers = Writers(server)
        writers.wait_for(40)
        assert server.stop() == 0
        writers.end()
        server.start()
        assert_whole(server, writers)


def test_sigterm_ends_a_long_read_and_finishes_a_long_insert(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path, SHUTDOWN_S="1") as server, ThreadPoolExecutor(2) as pool:
        ask(server, TABLE, database="chattrail")
        read = pool.submit(ask, server, "SELECT count() FROM numbers(1000000000000)")
        slow = "INSERT INTO t SELECT 1, number + sleepEachRow(0.02) FROM numbers(100)"
        write = pool.submit(ask, server, slow, database="chattrail")
        asked = "SELECT count() FROM system.processes"
        while ask(server, asked).text != "3\n":
            time.sleep(0.01)
        assert server.stop() == 0
        assert read.result(5).code == 394
        assert write.result(5).status == 200
        server.start()
        assert ask(server, "SELECT count() FROM t", database="chattrail").text == "100\n"


def test_signals_that_come_again_do_not_cut_the_end_short(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        process = psutil.Process(server.pid)
        while process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            process.send_signal(signal.SIGTERM)
        assert server.stop() == 0
        assert "Traceback" not in "".join(server.log)


def test_nothing_listens_and_nothing_runs_after_the_end(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        pid = server.pid
        os.kill(pid, signal.SIGINT)
        assert server.stop() == 0
        assert not psutil.pid_exists(pid)
        with socket.socket() as probe:
            assert probe.connect_ex((server.host, server.port)) != 0
        assert "Traceback" not in "".join(server.log)
