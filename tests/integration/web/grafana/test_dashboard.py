"""Every query of the Grafana dashboard, on a filled database, as the user who may only read."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.embedded import EmbeddedClickHouse
from tests.support.grafana import Query, Window, queries, variables
from tests.support.otlp import event, request
from tests.support.web_stage import WebStage, web_stage

Rows = list[dict[str, Any]]
NOW = time.time_ns()
PERIOD = Window(NOW // 10**9 - 1800, NOW // 10**9 + 7200)  # a whole run of the tests lies between collecting and this
A_YEAR_AGO = Window(PERIOD.begin - 31_536_000, PERIOD.end - 31_536_000)


def filling() -> list[LogRecord]:
    """Two people of one process that numbers its events from 1 and has lost number 4; a dead letter; another log."""
    paid = {"chattrail.premium.action": "paid", "chattrail.premium.amount": 100, "chattrail.premium.currency": "XTR"}
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("start_command", "11", {}),
        ("user_message", "11", {"chattrail.message.text": "hi", "chattrail.persona.id": "luna"}),
        ("ai_message", "11", {"chattrail.ai.duration_ms": 800.0}),
        ("ai_message", "11", {"error.type": "timeout"}),
        ("image_generated", "11", {"chattrail.image.id": "i"}),
        ("user_message", "12", {}),
        ("premium_action", "12", paid),
        ("handler_failed", "12", {"error.type": "KeyError"}),
    ]
    numbers = [1, 2, 3, 5, 6, 7, 8, 9]
    records = [
        event(type_, user, {"event.sequence": number, **extra}, at=NOW - 10**9 * (20 - number))
        for number, (type_, user, extra) in zip(numbers, sent, strict=True)
    ]
    log = LogRecord(time_unix_nano=NOW, severity_text="WARN", body=AnyValue(string_value="disk is nearly full"))
    return [*records, event("user_message", "13", at=NOW, event_id="not-an-id"), log]


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("grafana")) as stage:
        stage.send(filling())
        names = ["event_id", "status", "reason", "created_at"]
        stage.client.insert("images", [[str(uuid.uuid4()), *row] for row in IMAGES], column_names=names)
        yield stage


def ask(stage: WebStage, query: Query, window: Window = PERIOD) -> tuple[Rows, list[str]]:
    """Rows by column names, and the columns' types."""
    with clickhouse_connect.get_client(dsn=stage.readonly_url, autogenerate_session_id=False) as client:
        answer = client.query(window.expand(query.sql))
    return list(answer.named_results()), [kind.name for kind in answer.column_types]


def total(rows: Rows, column: str, by: str | None = None) -> Any:
    """Sum of a column, or its sums by another."""
    if by is None:
        return sum(row[column] for row in rows)
    return {key: sum(row[column] for row in rows if row[by] == key) for key in {row[by] for row in rows}}


def without_times(rows: Rows) -> Rows:
    """Rows as far as the test knows them beforehand."""
    return [{name: value for name, value in row.items() if not isinstance(value, datetime)} for row in rows]


def activity(rows: Rows) -> bool:
    return [total(rows, name) for name in ("messages", "answers", "pictures")] == [2, 1, 1]


EVENTS = {"start_command": 1, "user_message": 2, "ai_message": 2, "image_generated": 1, "premium_action": 1}
EVENTS |= {"handler_failed": 1}
IN_ALL = {
    "People": 2,
    "Messages": 2,
    "Answers": 1,
    "Bot messages": 0,
    "Pictures": 1,
    "Payments": 1,
    "Failures": 2,
}
FAILED = [
    {"type": "ai_message", "error": "timeout", "times": 1},
    {"type": "handler_failed", "error": "KeyError", "times": 1},
]
AGES = {"stored": 30, "pending": 20, "failed": 10}  # seconds
IMAGES = [
    (status, reason, datetime.fromtimestamp(NOW / 10**9 - AGES[status], UTC))
    for status, reason in [("stored", ""), ("pending", ""), *[("failed", "answered 404")] * 2]
]
LACKING = [
    {"status": "failed", "reason": "answered 404", "pictures": 2},
    {"status": "pending", "reason": "", "pictures": 1},
]
PROCESS = {"service": "test-bot", "process": "i-1", "stored": 8, "highest": 9, "missing": 1}
EXPECTED: dict[str, Callable[[Rows], bool]] = {
    "In this period": lambda rows: rows == [IN_ALL],
    "Activity": activity,
    "Events by type": lambda rows: total(rows, "events", by="type") == EVENTS,
    "Time to answer": lambda rows: [(row["p50"], row["p95"]) for row in rows] == [(800.0, 800.0)],
    "Failures": lambda rows: without_times(rows) == FAILED,
    "Delivery: from event to database": lambda rows: (
        bool(rows) and 0 < rows[0]["p50"] <= rows[0]["longest"] <= time.time() - NOW / 10**9 + 20
    ),
    "Delivery: processes and gaps": lambda rows: without_times(rows) == [PROCESS],
    "Dead letters": lambda rows: total(rows, "records") == 1 and "event.id" in rows[0]["reason"],
    "Newest dead letters": lambda rows: (
        [(row["event"], row["bytes"] > 50) for row in rows] == [("chattrail.user_message", True)]
    ),
    "Log records by service": lambda rows: total(rows, "records", by="service") == {"test-bot": 9},
    "Other logs": lambda rows: [(row["body"], row["level"]) for row in rows] == [("disk is nearly full", "WARN")],
    "Pictures by state": lambda rows: total(rows, "pictures", by="status") == {"stored": 1, "pending": 1, "failed": 2},
    "Pictures that wait or failed": lambda rows: without_times(rows) == LACKING,
}


def test_every_panel_is_expected() -> None:
    assert [query.title for query in queries("chattrail")] == list(EXPECTED)


@pytest.mark.parametrize("query", queries("chattrail"), ids=lambda query: query.title)
def test_a_query_shows_what_happened(stage: WebStage, query: Query) -> None:
    rows, types = ask(stage, query)
    assert EXPECTED[query.title](rows), rows
    if query.target["queryType"] == "timeseries":
        assert types[0].startswith("DateTime")
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


@pytest.mark.parametrize("query", queries("chattrail"), ids=lambda query: query.title)
def test_a_query_keeps_to_the_period(stage: WebStage, query: Query) -> None:
    rows, _ = ask(stage, query, A_YEAR_AGO)
    assert rows == [] or rows == [dict.fromkeys(IN_ALL, 0)]


OF_A_BOT = {
    "In this period",
    "Activity",
    "Events by type",
    "Time to answer",
    "Failures",
    "Delivery: from event to database",
}


def test_panels_about_events_can_be_of_one_bot(stage: WebStage) -> None:
    with clickhouse_connect.get_client(dsn=stage.readonly_url, autogenerate_session_id=False) as client:
        ((bot, name),) = client.query(variables()["bot"]).result_rows
    assert (bytes.fromhex(bot), name) == (b"test-bot", "test-bot")
    assert {query.title for query in queries("chattrail") if "$bot)" in query.sql} == OF_A_BOT
    for query in queries("chattrail"):
        rows, _ = ask(stage, query, replace(PERIOD, bots=("00", bot)))
        assert EXPECTED[query.title](rows), (query.title, rows)
        rows, _ = ask(stage, query, replace(PERIOD, bots=("00",)))
        assert query.title not in OF_A_BOT or rows in ([], [dict.fromkeys(IN_ALL, 0)]), (query.title, rows)


def test_hostile_values_do_not_spoil_a_panel(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    with web_stage(clickhouse, tmp_path) as stage:
        kinds = [event(f"kind_{number}", "11", {"error.type": "e"}, at=NOW) for number in range(60)]
        untimed = event("kind_0", "11", {"error.type": "e"}, event_id=str(uuid.uuid4()))
        untimed.time_unix_nano = 0
        stage.send([*kinds, *[event("kind_0", "11", at=NOW) for _ in range(5)], untimed])
        for number in range(60):
            stage.post(request(LogRecord(time_unix_nano=NOW, severity_text="INFO"), service=f"service-{number}"))
        panels = {query.title: ask(stage, query)[0] for query in queries("chattrail")}
    by_type = total(panels["Events by type"], "events", by="type")
    assert (len(by_type), by_type["kind_0"], sum(by_type.values())) == (21, 7, 66)
    by_service = total(panels["Log records by service"], "records", by="service")
    assert (len(by_service), sum(by_service.values())) == (21, 126)
    longest = max(row["longest"] for row in panels["Delivery: from event to database"])
    assert longest <= time.time() - NOW / 10**9 + 20, "an event without any time took no 56 years"
    assert [row["times"] for row in panels["Failures"] if row["type"] == "kind_0"] == [2]
