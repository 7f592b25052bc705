"""What the sidecar takes for an event, and whose, is what ClickHouse makes of the record: names and people in any attributes."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.otlp.batch import NAME_ATTRIBUTES, Batch
from tests.support.conversation import NOON
from tests.support.otlp import event, plain, request, uuid7
from tests.support.sinks import SinkUnderTest

TYPES = frozenset({"command", "handler_failed"})
NAMES = ("", "chattrail.command", "chattrail.handler_failed", "device.crashed")
A_MAP = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a", value=plain(1))]))
VALUES = [
    AnyValue(), AnyValue(array_value=ArrayValue()), AnyValue(kvlist_value=KeyValueList()), A_MAP,
    AnyValue(string_value_strindex=0), AnyValue(string_value_strindex=7),
    *(plain(value) for value in (b"", b"7", False, True, 0, 7, 0.0, 7.5, "7", *NAMES)),
]  # fmt: skip
KEYS = (*NAME_ATTRIBUTES, *NAME_ATTRIBUTES, "user.id", "user.hash")
# The name in the field, which an attribute stands in for where it is empty, and attributes as places in KEYS and VALUES: a
# list of LogRecords is long to print.
RECORDS = st.tuples(
    st.sampled_from(["", "", "", *NAMES]),
    st.lists(st.tuples(st.integers(0, len(KEYS) - 1), st.integers(0, len(VALUES) - 1)), max_size=5),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to find fewer records that show it takes minutes
)  # fmt: skip
@given(st.lists(RECORDS, min_size=40, max_size=60))
def test_the_sidecar_and_clickhouse_agree(
    module_sink: SinkUnderTest, drawn: list[tuple[str, list[tuple[int, int]]]]
) -> None:
    names = [uuid7(NOON // 1_000_000) for _ in drawn]
    records = []
    for event_id, (name, pairs) in zip(names, drawn, strict=True):
        record = LogRecord(event_name=name, time_unix_nano=NOON)
        record.attributes.add(key="event.id", value=plain(event_id))
        for key, value in pairs:
            record.attributes.add(key=KEYS[key], value=VALUES[value])
        records.append(record)
    batch = Batch.parse(request(*records), datetime.now(UTC))
    module_sink.handle(batch.body)
    dead = {
        names[position]
        for (position,) in module_sink.rows(
            "SELECT position FROM dead_letters FINAL WHERE batch = {b:String}", b=batch.digest
        )
    }
    taken = {one.event_id: (one.type, one.user_id) for one in batch.events(TYPES)}
    assert dead <= taken.keys(), "a log that is no event is stored, whatever its attributes"
    stored = {
        str(event_id): (type_, user)
        for event_id, type_, user in module_sink.rows(
            "SELECT event_id, type, user_id FROM events FINAL WHERE has({ids:Array(UUID)}, event_id)",
            ids=names,
        )
    }
    assert stored == {name: verdict for name, verdict in taken.items() if name not in dead}
    assert all(user for type_, user in stored.values() if type_ != "handler_failed")


def test_a_name_in_empty_bytes_is_none_and_the_next_attribute_names_the_event(module_sink: SinkUnderTest) -> None:
    """Validated as the event that ClickHouse makes of it: one without an id or a person is a dead letter."""
    record = LogRecord(time_unix_nano=NOON)
    record.attributes.add(key="otel.event.name", value=plain(b""))
    record.attributes.add(key="event.name", value=plain("chattrail.user_message"))
    batch = Batch.parse(request(record), datetime.now(UTC))
    module_sink.handle(batch.body)
    assert module_sink.rows("SELECT reason FROM dead_letters WHERE batch = {b:String}", b=batch.digest) == [
        ("event.id is missing",)
    ]
    assert module_sink.one("SELECT count() FROM events WHERE type = 'user_message'") == 0


@pytest.mark.parametrize("key", ["user.id", "user.hash"])
def test_who_is_no_person_is_none_in_an_event_without_one_either(module_sink: SinkUnderTest, key: str) -> None:
    record = event("handler_failed", at=NOON)
    del record.attributes[[pair.key for pair in record.attributes].index("user.id")]
    record.attributes.add(key=key, value=A_MAP)
    batch = Batch.parse(request(record), datetime.now(UTC))
    module_sink.handle(batch.body)
    assert module_sink.rows("SELECT reason FROM dead_letters WHERE batch = {b:String}", b=batch.digest) == [
        (f"{key} is neither text nor an integer",)
    ]
    (found,) = batch.events(TYPES)
    assert module_sink.one("SELECT count() FROM events WHERE event_id = {i:UUID}", i=found.event_id) == 0
