"""Clients that do not read their answers: they lose their turn and their connection, and others go on."""

import urllib.parse
from functools import partial
from pathlib import Path

import pytest

from tests.browser.stack import wait_until
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.slow_clients import Kind, SlowClients, no_reader

limited = partial(EmbeddedClickHouse, MAX_CONCURRENT_QUERIES="2", QUEUE_TIME_S="20")
LARGE = "SELECT * FROM numbers(100000000)"  # far more than the sockets' buffers take
STORED = "SELECT * FROM numbers(3000000)"


def unread(server: EmbeddedClickHouse, sql: str, user: str = "default", **query: str) -> Kind:
    password = server.readonly_password if user == "readonly" else server.password
    given = {"user": user, "password": password, "query": sql, **query}
    return no_reader(f"/?{urllib.parse.urlencode(given)}")


def is_gone(server: EmbeddedClickHouse, slow: SlowClients) -> bool:
    return slow.open == 0 and not list((server.data / "incoming").iterdir())


@pytest.mark.parametrize("wait", ["0", "1"])
def test_who_does_not_read_is_sent_away_and_others_get_their_turns(tmp_path: Path, wait: str) -> None:
    with limited(tmp_path, ANSWER_PATIENCE_S="1") as server:
        kind = unread(server, LARGE if wait == "0" else STORED, wait_end_of_query=wait)
        with SlowClients(server.base_url, [kind], 4) as slow:
            assert ask(server, "SELECT 1").text == "1\n"
            wait_until(lambda: is_gone(server, slow))
        assert ask(server, "SELECT count() FROM system.processes WHERE query_id != queryID()").text == "0\n"
        assert "Traceback" not in "".join(server.log)


def test_an_answer_whose_query_has_ended_holds_no_turn(tmp_path: Path) -> None:
    with (
        limited(tmp_path, ANSWER_PATIENCE_S="600") as server,
        SlowClients(server.base_url, [unread(server, STORED, wait_end_of_query="1")], 2) as slow,
    ):
        for number in range(3):
            assert ask(server, f"SELECT {number}").text == f"{number}\n"
        assert slow.open == 2


def test_readers_leave_a_turn_to_the_user_who_writes(tmp_path: Path) -> None:
    with (
        limited(tmp_path, ANSWER_PATIENCE_S="600", MAX_QUEUED_QUERIES="2") as server,
        SlowClients(server.base_url, [unread(server, LARGE, "readonly")], 6),
    ):
        for number in range(3):
            assert ask(server, f"SELECT {number}").text == f"{number}\n"
