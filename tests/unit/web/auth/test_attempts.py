"""Attempts at a password are limited, by address and in all."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.clock import FakeClock
from tests.support.web_support import make_app, sign_in
from tests.unit.web.auth.support import is_in
from web.auth.attempts import IN_ALL, PER_ADDRESS, WINDOW_S, begin_attempt, forgive_attempts
from web.auth.database import AuthDatabase


def test_attempts_are_limited_by_address_with_a_time_to_come_back(client: FlaskClient, clock: FakeClock) -> None:
    for _ in range(PER_ADDRESS):
        assert sign_in(client, "wrong").status_code == 401
        clock.advance(10)
    answer = sign_in(client)  # even the right one
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == WINDOW_S - 10 * PER_ADDRESS
    assert not is_in(client)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert sign_in(client, environ_base=elsewhere).status_code == 303
    clock.advance(int(answer.headers["Retry-After"]))
    assert sign_in(client).status_code == 303


def test_attempts_are_limited_in_all_and_outlive_the_process(tmp_path: Path, clock: FakeClock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock.time)
    assert [begin_attempt(database, f"192.0.2.{number}") for number in range(IN_ALL)] == [0] * IN_ALL
    restarted = AuthDatabase(tmp_path / "auth.sqlite3", clock.time)
    assert begin_attempt(restarted, "198.51.100.1") == WINDOW_S
    clock.advance(WINDOW_S)
    assert begin_attempt(restarted, "198.51.100.1") == 0


def test_one_subscriber_of_ipv6_is_one_address(tmp_path: Path, clock: FakeClock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock.time)
    waits = [begin_attempt(database, f"2001:db8:0:1::{number:x}") for number in range(PER_ADDRESS + 1)]
    assert waits[:-1] == [0] * PER_ADDRESS
    assert waits[-1] > 0
    assert begin_attempt(database, "2001:db8:0:2::1") == 0
    forgive_attempts(database, "2001:db8:0:1::ffff")
    assert begin_attempt(database, "2001:db8:0:1::1") == 0


def test_attempts_at_the_same_time_get_no_further(tmp_path: Path, clock: FakeClock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock.time)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: begin_attempt(database, "192.0.2.1"), range(40)))
    assert waits.count(0) == PER_ADDRESS


def test_the_first_attempt_waits_for_another_connection(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "auth.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE login_attempts (address TEXT NOT NULL, at REAL NOT NULL)")
        attempt = pool.submit(begin_attempt, AuthDatabase(path, clock.time), "192.0.2.1")
        with pytest.raises(TimeoutError):  # it neither fails nor succeeds meanwhile
            attempt.exception(timeout=0.2)
        other.execute("COMMIT")
        assert attempt.result() == 0


def test_forwarded_addresses_are_believed_only_when_told(tmp_path: Path, clock: FakeClock) -> None:
    def statuses(data: Path, proxies: str) -> list[int]:
        client = make_app(data, clock=clock, proxies=proxies).test_client()
        return [
            sign_in(client, "wrong", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
            for number in range(PER_ADDRESS + 1)
        ]

    assert statuses(tmp_path / "direct", "0")[-1] == 429
    assert statuses(tmp_path / "proxied", "1")[-1] == 401


@pytest.mark.parametrize(
    "written",
    [
        ("192.0.2.1", "192.0.2.1:5678", "192.0.2.1:1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:99", " 192.0.2.1 "),
        (
            "2001:db8::1",
            "[2001:db8::1]",
            "[2001:db8::1]:123",
            "[2001:db8::2]:456",
            "2001:db8::3%eth0",
            "[2001:db8::4%eth0]:1",
        ),
        ("", "nonsense", "unknown", "_hidden", "192.0.2.1:2:3", "[", "999.0.2.1:1"),
    ],
)
def test_a_client_is_one_however_a_proxy_writes_its_address(
    tmp_path: Path, clock: FakeClock, written: tuple[str, ...]
) -> None:
    client = make_app(tmp_path, clock=clock, proxies="1").test_client()
    statuses = [
        sign_in(client, "wrong", headers={"X-Forwarded-For": address} if address else {}).status_code
        for address in (*written, *written)
    ]
    if not written[0]:  # without the header it is the proxy's own address
        statuses = [*statuses[1 : len(written)], *statuses[len(written) + 1 :]]
    assert statuses == [401] * PER_ADDRESS + [429] * (len(statuses) - PER_ADDRESS)
    assert sign_in(client, headers={"X-Forwarded-For": "198.51.100.9:5678"}).status_code == 303
