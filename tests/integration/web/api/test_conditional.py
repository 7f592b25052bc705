"""Conditional requests: an answer that did not change costs one query, and any change is seen; equal queries run once."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.stack import wait_until
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_chats import NOW
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in
from web.analytics.clickhouse.client import ClickHouse
from web.errors import ClickHouseUnavailableError

PATHS = (
    "/api/analytics/stats", "/api/analytics/users", "/api/analytics/users/1/events", "/analytics", "/analytics/users",
    "/analytics/users/1",
)  # fmt: skip
AT = int(NOW.timestamp() - 3600) * 10**9


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("conditional")) as stage:
        stage.send([event("user_message", "1", at=AT)])
        yield stage


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that are asked meanwhile."""
    statements: list[str] = []
    ask = ClickHouse.ask

    def noted(self: ClickHouse, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        statements.append(statement)
        return ask(self, statement, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(ClickHouse, "ask", noted)
        yield statements


def signed_in(stage: WebStage, clock: FakeClock) -> FlaskClient:
    client = stage.app(clock).test_client()
    sign_in(client)
    return client


@pytest.mark.parametrize("path", PATHS)
def test_what_did_not_change_costs_one_query_and_what_did_is_answered(
    stage: WebStage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    clock = FakeClock(NOW)
    client = signed_in(stage, clock)
    tag = client.get(path).headers["ETag"]
    assert tag.startswith('W/"')
    condition = {"If-None-Match": tag}
    with asked(monkeypatch) as statements:
        same = client.get(path, headers=condition)
    assert (same.status_code, same.data, len(statements)) == (304, b"", 1)
    assert same.headers["ETag"] == tag
    assert client.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200
    assert client.get(f"{path}?bot=none", headers=condition).status_code == 400, (
        "an error is no page that did not change"
    )
    assert client.get(path, headers={**condition, "HX-Request": "true"}).status_code == 200, "a part of the page"
    stage.send([event("user_message", "1", at=AT)])
    changed = client.get(path, headers=condition)
    assert changed.status_code == 200
    assert client.get(path, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 304
    clock.advance(900)  # ranges end a quarter of an hour later
    assert client.get(path, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("change", ["images", "dead_letters", "sequences"])
def test_what_no_event_changes_is_seen_as_well(stage: WebStage, change: str) -> None:
    client = stage.app(FakeClock(NOW)).test_client()
    tag = client.get(PATHS[0], headers=BEARER).headers["ETag"]
    assert client.get(PATHS[0], headers={**BEARER, "If-None-Match": tag}).status_code == 304
    if change == "images":
        stage.archived("directory", "a.jpg")
    elif change == "dead_letters":
        stage.client.command("INSERT INTO dead_letters (reason, batch) VALUES ('broken', 'b')")
    else:
        stage.client.command("INSERT INTO sequences (service_name, instance_id, reached) VALUES ('s', 'i', 7)")
    assert client.get(PATHS[0], headers={**BEARER, "If-None-Match": tag}).status_code == 200


def test_merges_change_no_tag(stage: WebStage) -> None:
    for _ in range(2):  # each as two rows of one key
        stage.send([event("user_message", "1", {"event.sequence": 9}, at=AT)])
        stage.archived("directory", "a.jpg")
        stage.client.command("INSERT INTO dead_letters (reason, batch) VALUES ('broken', 'twice')")
        stage.client.command("INSERT INTO sequences (service_name, instance_id, reached) VALUES ('s', 'twice', 7)")
    client = stage.app(FakeClock(NOW)).test_client()
    tag = client.get(PATHS[0], headers=BEARER).headers["ETag"]
    for table in ("stale_activity", "sequences", "dead_letters", "images", "figures", "people"):
        stage.client.command(f"OPTIMIZE TABLE {table} FINAL")
    assert client.get(PATHS[0], headers={**BEARER, "If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("fails", [False, True])
def test_equal_queries_at_once_are_one(stage: WebStage, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    clickhouse: ClickHouse = stage.app().extensions["chattrail"].clickhouse
    asked, found = 0, []

    def one() -> None:
        try:
            found.append(clickhouse.rows("SELECT 1", {"a": 1}))
        except ClickHouseUnavailableError as error:
            found.append(str(error))

    others = [threading.Thread(target=one) for _ in range(3)]

    def slow(self: ClickHouse, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        nonlocal asked
        asked += 1
        for other in others:
            other.start()
        (answer,) = self._under_way.values()
        wait_until(lambda: len(answer._condition._waiters) == len(others))  # type: ignore[attr-defined]
        if fails:
            raise ClickHouseUnavailableError("away")
        return [(1,)]

    with monkeypatch.context() as patch:
        patch.setattr(ClickHouse, "ask", slow)
        one()
        for other in others:
            other.join(30)
    assert (asked, found) == (1, ["away" if fails else [(1,)]] * 4)
    assert clickhouse.rows("SELECT 2") == [(2,)], "later ones are asked again"


def test_an_answer_is_never_older_than_its_tag(stage: WebStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query of an earlier request is still under way when something changes and another request asks the same."""
    app = stage.app(FakeClock(NOW))
    client, later = app.test_client(), app.test_client()
    asking, go = threading.Event(), threading.Event()
    answers: list[Any] = []
    ask = ClickHouse.ask

    def slow(self: ClickHouse, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        found = ask(self, statement, parameters)
        if "count() OVER () AS total" in statement and not asking.is_set():
            asking.set()
            assert go.wait(60)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(ClickHouse, "ask", slow)
        earlier = threading.Thread(target=lambda: answers.append(client.get("/api/analytics/users", headers=BEARER)))
        earlier.start()
        assert asking.wait(60)
        stage.send([event("user_message", "new in between", at=AT)])
        newer = later.get("/api/analytics/users", headers=BEARER)
        go.set()
        earlier.join(60)
    assert newer.json is not None
    assert answers[0].json["total"] == newer.json["total"] - 1
    assert newer.headers["ETag"] != answers[0].headers["ETag"]


def test_a_forked_child_has_threads_of_its_own(stage: WebStage, monkeypatch: pytest.MonkeyPatch) -> None:
    clickhouse: ClickHouse = stage.app().extensions["chattrail"].clickhouse
    clickhouse.together(lambda: 1, lambda: 2)
    parents = clickhouse._threads
    clickhouse._under_way["of the parent"] = Future()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert clickhouse.together(lambda: 1, lambda: 2) == [1, 2]
    assert clickhouse._threads is not parents
    assert clickhouse._under_way == {}
    parents.shutdown()  # type: ignore[union-attr]


def test_works_run_side_by_side_and_a_fault_of_one_is_that_of_all(stage: WebStage) -> None:
    clickhouse: ClickHouse = stage.app().extensions["chattrail"].clickhouse
    meeting = threading.Barrier(3)

    def fault() -> None:
        raise ClickHouseUnavailableError("away")

    assert len(clickhouse.together(*[lambda: meeting.wait(30)] * 3)) == 3
    with pytest.raises(ClickHouseUnavailableError, match="away"):
        clickhouse.together(lambda: 1, fault)
