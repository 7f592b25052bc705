"""Whatever a column of `events` or `activity` holds, every page and every route answers, and the neighbours' figures stay."""

import itertools
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.events import COMMON, EVENT_TYPES, attributes_of
from tests import row_binary
from tests.browser.stack import wait_until
from tests.embedded import EmbeddedClickHouse
from tests.hostile_values import ATTRIBUTES, anything, nested, of_type
from tests.otlp import event, request
from tests.web_stage import BATCH, WebStage, web_stage
from tests.web_support import BEARER, Clock, sign_in
from web.person_key import address_of, text_of

NOW = 1_790_000_000
AT = (NOW - 7200) * 10**9
NEIGHBOUR = "100200300"
TRAIL = Path(__file__).parents[2] / "web" / "sql" / "trail.sql"
LANGUAGES = ("en", "ru")
OWN = {"user.id", "event.id", "event.sequence"}
NAMES = sorted({each.name for type_ in EVENT_TYPES.values() for each in attributes_of(type_).values()} - OWN)


@dataclass
class Pages:
    """A web app, the faults that it logged, and what the neighbour's row was before anything hostile came."""

    stage: WebStage
    client: FlaskClient
    log: list[logging.LogRecord] = field(default_factory=list)
    neighbour: dict[str, Any] = field(default_factory=dict)

    def json(self, path: str, what: object = "") -> Any:
        answer = self.client.get(path, headers=BEARER)
        assert answer.status_code == 200, (path[:200], what, answer.text[:300])
        return json.loads(
            answer.data.decode("utf-8", "strict"), parse_constant=lambda name: pytest.fail(f"{name} in JSON")
        )

    def page(self, path: str, what: object = "") -> None:
        for language in LANGUAGES:
            answer = self.client.get(f"{path}{'&' if '?' in path else '?'}lang={language}&limit=200")
            assert answer.status_code == 200, (path[:200], what, [each.getMessage() for each in self.log[-3:]])
            assert len(answer.data) < 12e6, (path[:200], what)
        assert not self.log, (path[:200], what, [each.getMessage() for each in self.log[-3:]])

    def everybody(self) -> list[str]:
        """Ids of all people, through every page of the list."""
        found: list[str] = []
        cursor = ""
        while True:
            page = self.json(f"/api/analytics/users?limit=200&sort=name&cursor={cursor}")
            found += [row["client_id"] for row in page["users"]]
            cursor = page["next_cursor"]
            if not cursor:
                assert len(found) == page["total"]
                return found

    def trail(self, client_id: str, what: object = "") -> Any:
        address = address_of(client_id)
        self.page(f"/analytics/users/{address}", what)
        return self.json(f"/api/analytics/users/{address}/events?limit=200", what)

    def check(self, what: object = "") -> None:
        """The pages that everybody shares, and the neighbour's row on them."""
        for path in ("/analytics?range=all", "/analytics/users"):
            self.page(path, what)
        self.json("/api/analytics/stats?range=all", what)
        for sort in ("name", "stars", "last_seen"):
            self.json(f"/api/analytics/users?sort={sort}", what)
        assert self.json(f"/api/analytics/users/{NEIGHBOUR}/events")["user"] == self.neighbour, what


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
            [event("user_message", NEIGHBOUR, at=AT, **person), event("premium_action", NEIGHBOUR, at=AT + 1, **paid)]
        )
        pages = Pages(stage, stage.app(Clock(NOW)).test_client())
        sign_in(pages.client)
        pages.neighbour = pages.json(f"/api/analytics/users/{NEIGHBOUR}/events")["user"]
        assert pages.neighbour["stars"] == 250
        handler = logging.Handler(logging.WARNING)
        handler.emit = pages.log.append  # type: ignore[method-assign]
        logging.getLogger("web").addHandler(handler)
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
    kinds = itertools.cycle(("premium_action", "user_message", "ai_message", "image_generated", "made_up"))
    del types["user_id"]  # see below
    for column, type_ in types.items():
        rows = [
            row(number, **({"type": next(kinds), "user_id": f"e-{column}"} | {column: value}))
            for number, value in enumerate(of_type(type_))
        ]
        row_binary.insert(pages.stage.client, "events", rows)
    read = TRAIL.read_text()
    for column in types:
        if column in read:
            assert pages.trail(f"e-{column}", column)["events"], column
    settle(pages.stage)
    pages.check()


def test_people_of_any_id_have_a_trail(pages: Pages) -> None:
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


def test_a_trail_does_not_wait_for_the_figures(pages: Pages) -> None:
    """A time outside of what a quarter of an hour can have has no figures at all."""
    row = {"event_id": 1, "type": "user_message", "ts": -(2**62), "user_id": "ancient"}
    row_binary.insert(pages.stage.client, "events", [{**row, "attributes": {"chattrail.message.text": "long ago"}}])
    found = pages.trail("ancient")
    assert found["user"]["first_seen"] == found["events"][0]["at"] == "1823-11-12T00:06:21.572612Z"


def test_any_value_in_any_column_of_activity(pages: Pages) -> None:
    """A row that an earlier release, or a person with a client of ClickHouse's, left behind."""
    client = pages.stage.client
    for column, type_ in row_binary.columns(client, "activity").items():
        plain = {"slot": NOW - 7200, "last_ts": NOW * 1000, "first_ts": NOW * 1000, "messages": 1}
        rows = [
            {**plain, "user_id": f"a-{column}-{number}", column: value} for number, value in enumerate(of_type(type_))
        ]
        row_binary.insert(client, "activity", rows)
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
        told(type_, f"d-{number // 190}", number, {name: value, **ROUTE.get(name, {})})
        for number, ((type_, name), value) in enumerate(itertools.product(given, ATTRIBUTES))
    ]
    send(pages.stage, records)
    for client_id in sorted({user_of(record) for record in records}):
        pages.trail(client_id)
    pages.check()


ROUTE = {"chattrail.premium.amount": {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR"}}


@settings(max_examples=2, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*EVENT_TYPES, "other"]),
            st.dictionaries(
                st.sampled_from([*NAMES, *(each.name for each in COMMON if each.name not in OWN)]), anything, max_size=6
            ),
        ),
        min_size=40,
        max_size=80,
    )
)
def test_any_event_at_all(pages: Pages, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    client_id = f"h-{uuid.uuid4().hex}"
    send(pages.stage, [told(type_, client_id, number, values) for number, (type_, values) in enumerate(drawn)])
    assert len(pages.trail(client_id)["events"]) == len(drawn)
    pages.check()


def told(type_: str, client_id: str, number: int, values: Mapping[str, Any]) -> LogRecord:
    record = event(type_, client_id, at=AT + number * 10**9)
    record.attributes.extend(KeyValue(key=name, value=nested(value)) for name, value in values.items())
    return record


def send(stage: WebStage, records: list[LogRecord]) -> None:
    for begin in range(0, len(records), BATCH):
        stage.post(request(*records[begin : begin + BATCH]))
    settle(stage)


def user_of(record: LogRecord) -> str:
    return next(pair.value.string_value for pair in record.attributes if pair.key == "user.id")


def settle(stage: WebStage) -> None:
    """Wait until the figures have what was stored so far: a round that has this event has all before it."""
    bell = f"bell-{uuid.uuid4().hex}"
    stage.post(request(event("user_message", bell, at=AT)))
    counted = "SELECT count() FROM activity WHERE user_id = {bell:String}"
    wait_until(lambda: stage.client.command(counted, parameters={"bell": bell}))
