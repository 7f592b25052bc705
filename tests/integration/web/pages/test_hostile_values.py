"""Whatever a column of `events` or `activity` holds, every page and every route answers, and the neighbours' figures stay."""

import itertools
import logging
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.events import EVENT_TYPES, attributes_of
from tests.browser.stack import wait_until
from tests.support import row_binary
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.hostile_values import ATTRIBUTES, drawn_of, nested, of_type
from tests.support.otlp import event, request
from tests.support.paths import ROOT
from tests.support.recount import recount
from tests.support.web_pages import NEIGHBOUR, Pages
from tests.support.web_stage import BATCH, WebStage, web_stage
from tests.support.web_support import sign_in
from web.analytics.person_key import text_of

NOW = 1_790_000_000
AT = (NOW - 7200) * 10**9
KINDS = (
    "premium_action", "user_message", "ai_message", "image_generated", "made_up", "bot_message", "message_edited", "reaction",
    "message_deleted", "poll", "custom", "chat_action",
)  # fmt: skip
TRAIL = ROOT / "web" / "analytics" / "sql" / "trail.sql"
NAMES = sorted({each.name for type_ in EVENT_TYPES.values() for each in attributes_of(type_).values()})
SORTS = ("name", "stars", "last_seen")
rows = partial(st.lists, min_size=20, max_size=60)
# Examples aren't made smaller when one fails, which would take minutes: pages log what they
# fail on, and the rows stand in the report.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
HEALTH = list(HealthCheck)


@pytest.fixture(scope="module")
def pages(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("hostile")) as stage:
        paid = {
            "chattrail.premium.action": "paid",
            "chattrail.premium.currency": "XTR",
            "chattrail.premium.amount": 250,
        }
        person = {"telegram.user.name": "Ann", "telegram.user.language_code": "en", "session.id": "s1"}
        stage.send(
            [event("user_message", NEIGHBOUR, person, at=AT), event("premium_action", NEIGHBOUR, paid, at=AT + 1)]
        )
        pages = Pages(stage, stage.app(FakeClock(NOW)).test_client())
        sign_in(pages.client)
        stage.client.command("CREATE TABLE activity_before AS activity")
        stage.client.command("INSERT INTO activity_before SELECT * FROM activity")
        pages.neighbour = pages.json(f"/api/analytics/users/{NEIGHBOUR}/events")["user"]
        assert pages.neighbour["stars"] == 250
        handler = logging.Handler(logging.WARNING)
        handler.emit = pages.log.append  # type: ignore[method-assign, assignment]
        logging.getLogger("web").addHandler(handler)
        with pages.asking_once():
            yield pages
        logging.getLogger("web").removeHandler(handler)


def row(number: int, **columns: Any) -> dict[str, Any]:
    """A plain row of `events`, of which some columns hold something else."""
    return {
        "event_id": uuid.uuid4().int,
        "type": "premium_action",
        "ts": AT + number * 10**9,
        "user_id": "nobody",
        "premium_action": "paid",
        "currency": "XTR",
        **columns,
    }


def test_any_value_in_any_column_of_events(pages: Pages) -> None:
    """By direct INSERT, since no door lets most of them in."""
    types = row_binary.columns(pages.stage.client, "events")
    kinds = itertools.cycle(KINDS)
    del types["user_id"]  # see below
    cells = [(column, value) for column, type_ in types.items() for value in of_type(type_)]
    cells.sort(key=lambda cell: cell[0] not in TRAIL.read_text())  # the first ones' people are asked for their trails
    shown = sum(cell[0] in TRAIL.read_text() for cell in cells)
    rows = [
        row(number, **({"type": next(kinds), "user_id": f"e-{number // 150}"} | {column: value}))
        for number, (column, value) in enumerate(cells)
    ]
    row_binary.insert(pages.stage.client, "events", rows)
    for person in range(shown // 150 + 1):
        assert pages.trail(f"e-{person}")["events"]
    settle(pages.stage)
    pages.check()


def test_an_event_without_a_time_is_shown_whatever_it_was_received_at(pages: Pages) -> None:
    """Its place is by that time, which may be one that nanoseconds since 1970 don't reach."""
    received = [value for value in of_type("DateTime64(3, 'UTC')") if isinstance(value, int)]
    rows = [row(number, user_id="no-time", ts=0, received_at=each) for number, each in enumerate(received)]
    row_binary.insert(pages.stage.client, "events", rows)
    assert len(pages.trail("no-time")["events"]) == len(received) > 2
    settle(pages.stage)
    pages.check()


def test_people_of_any_id_have_a_trail(pages: Pages) -> None:
    """Runs before the drawn rows, of which some have these ids, too."""
    ids = [value.encode() if isinstance(value, str) else value for value in of_type("String") if value]
    row_binary.insert(pages.stage.client, "events", [row(number, user_id=each) for number, each in enumerate(ids)])
    settle(pages.stage)
    for each in ids:
        client_id = text_of(each)
        shown = client_id.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        found = pages.trail(client_id, each[:80])
        assert (found["client_id"], found["user"]["stars"], len(found["events"])) == (shown, 0, 1), each[:80]
    assert {text_of(each).encode("utf-8", "surrogateescape").decode("utf-8", "replace") for each in ids} <= set(
        pages.everybody()
    )


def test_any_row_of_events(pages: Pages) -> None:
    """Values that nobody thought of, each example's rows in the trail of a person of their own."""
    types = row_binary.columns(pages.stage.client, "events")

    @settings(max_examples=15, phases=PHASES, deadline=None, suppress_health_check=HEALTH)
    @given(rows(st.tuples(st.sampled_from(KINDS), cells_of(types))))
    def shown(drawn: list[tuple[str, dict[str, Any]]]) -> None:
        client_id = f"h-{uuid.uuid4().hex}"
        rows = [
            row(number, **({"type": type_, "user_id": client_id} | cells))
            for number, (type_, cells) in enumerate(drawn)
        ]
        row_binary.insert(pages.stage.client, "events", rows)
        own = [each for each in rows if each["user_id"] == client_id]
        if own:
            found = pages.trail(client_id, drawn)
            ids = {str(uuid.UUID(int=each["event_id"])) for each in own}
            seen = {each["id"] for each in found["events"]}
            assert seen == ids or (found["next_cursor"] and seen < ids)
        for other in [each["user_id"] for each in rows if each["user_id"] not in (client_id, "", b"")][:1]:
            pages.trail(text_of(other.encode() if isinstance(other, str) else other), other)

    shown()
    settle(pages.stage)
    pages.check()


def test_any_row_of_activity(pages: Pages) -> None:
    """Rows that an earlier release, or a person with a client of ClickHouse's, left behind; gone again with each example."""
    client = pages.stage.client
    types = row_binary.columns(client, "activity")

    @settings(max_examples=10, phases=PHASES, deadline=None, suppress_health_check=HEALTH)
    @given(rows(cells_of(types)), st.sampled_from(SORTS))
    def shown(drawn: list[dict[str, Any]], sort: str) -> None:
        plain = {"slot": NOW - 7200, "last_ts": NOW * 1000, "first_ts": NOW * 1000, "messages": 1}
        rows = [{**plain, "user_id": f"g-{number}", **cells} for number, cells in enumerate(drawn)]
        row_binary.insert(client, "activity", rows)
        recount(client)
        try:
            pages.check(drawn, (sort,))
            for number in [number for number, cells in enumerate(drawn) if "user_id" not in cells][:1]:
                pages.trail(f"g-{number}", drawn)
        finally:
            restore(pages.stage)

    settle(pages.stage)
    restore(pages.stage)
    shown()


def cells_of(types: Mapping[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """One to three columns of a table, each with a value of its type."""
    cells = {column: drawn_of(type_, NAMES) for column, type_ in types.items()}
    return st.lists(st.sampled_from(sorted(types)), min_size=1, max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({column: cells[column] for column in chosen})
    )


def restore(stage: WebStage) -> None:
    """Leave the neighbour's figures alone in `activity`."""
    for table in ("activity", "activity_by_slot"):
        stage.client.command(f"TRUNCATE TABLE {table}")
    stage.client.command("INSERT INTO activity SELECT * FROM activity_before")
    recount(stage.client)


def test_a_trail_does_not_wait_for_the_figures(pages: Pages) -> None:
    """A time outside of what a quarter of an hour can have has no figures at all."""
    row = {"event_id": 1, "type": "user_message", "ts": -(2**62), "user_id": "ancient"}
    row_binary.insert(pages.stage.client, "events", [{**row, "attributes": {"chattrail.message.text": "long ago"}}])
    found = pages.trail("ancient")
    assert found["user"]["first_seen"] == found["events"][0]["at"] == "1823-11-12T00:06:21.572612Z"


def test_any_value_in_any_column_of_activity(pages: Pages) -> None:
    client = pages.stage.client
    plain = {"slot": NOW - 7200, "last_ts": NOW * 1000, "first_ts": NOW * 1000, "messages": 1}
    rows = [
        {**plain, "user_id": f"a-{column}-{number}", column: value}
        for column, type_ in row_binary.columns(client, "activity").items()
        for number, value in enumerate(of_type(type_))
    ]
    row_binary.insert(client, "activity", rows)
    recount(client)
    pages.check()
    for client_id in ("a-stars-0", "a-first_ts-0", "a-last_own_ts-1", "a-slot-3", "a-sessions-1"):
        pages.trail(client_id)
    everybody = pages.everybody()
    assert len(set(everybody)) == len(everybody)


def test_any_value_of_any_attribute(pages: Pages) -> None:
    """Through the sidecar, as a bot would send them."""
    given = [(type_, each.name) for type_, made in EVENT_TYPES.items() for each in attributes_of(made).values()]
    given += [(type_, "chattrail.message.text") for type_ in ("other", "made up/%2F ☃")]
    records = [
        record_with(type_, f"d-{number // 190}", number, {name: value, **ROUTE.get(name, {})})
        for number, ((type_, name), value) in enumerate(itertools.product(given, ATTRIBUTES))
    ]
    send(pages.stage, records)
    for client_id in sorted({user_of(record) for record in records}):
        pages.trail(client_id)
    pages.check()


ROUTE = {"chattrail.premium.amount": {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR"}}


def record_with(type_: str, client_id: str, number: int, values: Mapping[str, Any]) -> LogRecord:
    record = event(type_, client_id, at=AT + number * 10**9)
    record.attributes.extend(KeyValue(key=name, value=nested(value)) for name, value in values.items())
    return record


def send(stage: WebStage, records: list[LogRecord]) -> None:
    for begin in range(0, len(records), BATCH):
        stage.post(request(*records[begin : begin + BATCH]))
    settle(stage)


def user_of(record: LogRecord) -> str:
    return next(str(pair.value.string_value) for pair in record.attributes if pair.key == "user.id")


def settle(stage: WebStage) -> None:
    """Wait until the figures have what was stored so far: a round that has this event has all before it."""
    bell = f"bell-{uuid.uuid4().hex}"
    stage.post(request(event("user_message", bell, at=AT)))
    counted = "SELECT count() FROM people WHERE user_id = {bell:String}"
    wait_until(lambda: stage.client.command(counted, parameters={"bell": bell}))
