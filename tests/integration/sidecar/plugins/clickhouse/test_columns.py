"""Blocks of columns hold what the views make of the same request: all columns, and all that hangs on them."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse.columns.blocks import ACTIONS, FLOATS, LOW_CARDINALITY, STRINGS, WHOLE, blocks_of
from tests.support import otlp
from tests.support.conversation import NOON, conversation
from tests.support.embedded import EmbeddedClickHouse
from tests.support.embedded_query_log import PROGRAM
from tests.support.migrated import migrated_database
from tests.support.sinks import SinkUnderTest, sink_on

EXAMPLES = itertools.count(1)
MADE_OF_BLOCKS: list[bool] = []
# Every table that an insert fills, without the times at which it did.
TABLES = {
    "events": "SELECT * EXCEPT (received_at) FROM events ORDER BY ALL",
    "logs": "SELECT * EXCEPT (received_at) FROM logs FINAL ORDER BY ALL",
    "dead_letters": "SELECT * EXCEPT (received_at) FROM dead_letters FINAL ORDER BY ALL",
    "stale_activity": "SELECT DISTINCT * EXCEPT (marked_at) FROM stale_activity ORDER BY ALL",
    "sequences": "SELECT * EXCEPT (numbers), bitmapToArray(numbers) FROM sequences FINAL ORDER BY ALL",
    "bots": "SELECT service_name, bot_id, finalizeAggregation(username), last_ts FROM bots FINAL ORDER BY ALL",
}

texts = st.one_of(st.text(max_size=8), st.sampled_from(["true", "x" * 127, "ж" * 64, "y" * 20_000]))
plain_values = st.one_of(
    st.builds(lambda v: AnyValue(string_value=v), texts),
    st.builds(lambda v: AnyValue(int_value=v), st.one_of(st.integers(-300, 300), otlp.int64)),
    st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
    st.builds(lambda v: AnyValue(double_value=v), st.floats(1e-4, 1e9) | st.integers(-9, 9).map(float)),
    st.just(AnyValue()),
)
items = st.one_of(
    st.builds(lambda v: AnyValue(string_value=v), st.text('a"\\/bж😀<', max_size=4)),
    st.builds(lambda v: AnyValue(int_value=v), otlp.int64),
    st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
    st.just(AnyValue()),
)
arrays = st.builds(lambda v: AnyValue(array_value=ArrayValue(values=v)), st.lists(items, max_size=4))
whole = st.builds(lambda v: AnyValue(int_value=v), st.integers(0, 5_000_000_000))
small = st.builds(lambda v: AnyValue(int_value=v), st.integers(0, 3_000_000) | st.just(1_000_000_001))
numbers = st.builds(
    lambda v: AnyValue(double_value=v),
    st.integers(-20_000, 20_000).map(lambda v: v / 8) | st.sampled_from([86_400_000.5, 1e9, 1e9 + 0.5]),
)
strings = st.builds(lambda v: AnyValue(string_value=v), st.text(max_size=8))
premium = st.one_of(st.builds(lambda v: AnyValue(bool_value=v), st.booleans()), st.just(AnyValue(string_value="true")))
BY_KEY: dict[str, st.SearchStrategy[AnyValue]] = {
    **{key: strings for keys in (*LOW_CARDINALITY.values(), *STRINGS.values()) for key in keys},
    **{key: small if kind == "UInt32" else whole for kind, key in WHOLE.values()},
    **{key: numbers for keys in FLOATS.values() for key in keys},
    "telegram.user.is_premium": premium,
    "telegram.bot.id": strings,
    **dict.fromkeys(ACTIONS.values(), strings),
    "chattrail.premium.minor_units": st.builds(
        lambda v: AnyValue(int_value=v), st.integers(-2, 9) | st.sampled_from([10**12, 10**12 + 1])
    ),
    "chattrail.image.data": st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=300)),
    "chattrail.dropped.refused": whole,
}
pairs = st.one_of(
    st.sampled_from(sorted(BY_KEY)).flatmap(lambda key: st.builds(lambda v: KeyValue(key=key, value=v), BY_KEY[key])),
    st.builds(lambda key, v: KeyValue(key=key, value=v), st.text(min_size=1, max_size=8), plain_values),
    st.builds(lambda v: KeyValue(key="tags", value=v), arrays),
)
# now and then what blocks can't hold: then the whole request takes the other way
odd_pairs = st.builds(
    lambda key, v: KeyValue(key=key, value=v), st.sampled_from(["tags", "telegram.chat.id"]), otlp.any_values
)


@st.composite
def records(draw: st.DrawFn) -> LogRecord:
    """A record of any kind, as senders write them."""
    times = st.one_of(st.integers(1_420_070_400_000_000_000, 4_102_444_799_999_999_999), st.just(0))
    record = LogRecord(
        time_unix_nano=draw(times), observed_time_unix_nano=1_800_000_000_000_000_001,
        severity_number=draw(st.integers(0, 24)), severity_text=draw(st.sampled_from(["", "INFO", "WARN"])),  # type: ignore[arg-type]
        body=draw(plain_values), dropped_attributes_count=draw(otlp.uint32), flags=draw(otlp.uint32),
        trace_id=draw(st.sampled_from([b"", bytes(range(16))])), span_id=draw(st.binary(max_size=8)),
        event_name=draw(st.sampled_from(["chattrail.user_message", "chattrail.poll", "chattrail.reaction", "other", ""])),
        attributes=draw(st.lists(pairs, max_size=12)),
    )  # fmt: skip
    if draw(st.integers(0, 39)) == 7:
        record.attributes.append(draw(odd_pairs))
    if record.event_name.startswith("chattrail."):
        shown = draw(st.sampled_from(["not an id", *[otlp.uuid7(draw(st.integers(0, 2**48 - 1)))] * 20]))
        identity = KeyValue(key="event.id", value=otlp.plain(shown))
        person = KeyValue(key="user.id", value=AnyValue(string_value=draw(st.sampled_from(["7", "8"]))))
        record.attributes.insert(draw(st.integers(0, len(record.attributes))), identity)
        record.attributes.insert(0, person)
    return record


@st.composite
def requests(draw: st.DrawFn) -> ExportLogsServiceRequest:
    """A request with two resources, now and then an odd one."""
    made = ExportLogsServiceRequest()
    for service in ("a bot", "another"):
        resource = Resource(
            attributes=[
                KeyValue(key="service.name", value=otlp.plain(service)),
                KeyValue(key="service.instance.id", value=otlp.plain("p1")),
                *draw(st.lists(pairs, max_size=2)),
            ],
            dropped_attributes_count=draw(st.integers(0, 3)),
        )
        scope = InstrumentationScope(
            name=draw(st.sampled_from(["", "chattrail"])), attributes=draw(st.lists(pairs, max_size=1))
        )
        logs = draw(st.lists(records(), max_size=6))
        made.resource_logs.append(
            ResourceLogs(
                resource=resource,
                schema_url="u",
                scope_logs=[ScopeLogs(scope=scope, log_records=logs), ScopeLogs(log_records=logs[:1])],
            )
        )
    return made


@pytest.fixture(scope="module")
def both(
    clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SinkUnderTest, SinkUnderTest]]:
    data = tmp_path_factory.mktemp("sinks")
    with (
        migrated_database(clickhouse) as one,
        migrated_database(clickhouse) as other,
        sink_on(clickhouse.url, one, "columns", data / "c") as columns,
        sink_on(clickhouse.url, other, "native", data / "n") as native,
    ):
        yield columns, native


# each example is several inserts, so a failing one is shown as it is
@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(requests())
def test_both_ways_fill_every_table_alike(
    both: tuple[SinkUnderTest, SinkUnderTest], message: ExportLogsServiceRequest
) -> None:
    body = message.SerializeToString()
    try:
        MADE_OF_BLOCKS.append(bool(blocks_of(body)))
    except OddRequestError:
        MADE_OF_BLOCKS.append(False)
    for sink in both:
        sink.handle(body)
    both[0].handle(body)  # a resend
    for table, query in TABLES.items():
        columns, native = (_rows(sink, query) for sink in both)
        assert len(columns) == len(native), table
        for row, expected in zip(columns, native, strict=True):
            assert row == expected, table
    for sink in both:
        for table in TABLES:
            sink.client.command(f"TRUNCATE TABLE {table}")


def test_lists_have_the_text_that_the_views_give_them(both: tuple[SinkUnderTest, SinkUnderTest]) -> None:
    characters = [*map(chr, range(0x20, 0x7F)), *map(chr, range(0x80, 0x1F0)), *"\u2027\u202a\ufeff\ufffd😀"]
    lists = [[one] for one in characters] + [[], [0, -(2**63), 2**63 - 1, True, False, 1.5, -0.0, 3.0, "", "a/b"]]
    values = [AnyValue(array_value=ArrayValue(values=map(otlp.plain, one))) for one in lists]
    values += [AnyValue(array_value=ArrayValue(values=[AnyValue(), otlp.plain("x")]))]
    record = otlp.event("user_message", "7", at=NOON)
    for number, value in enumerate(values):
        record.attributes.add(key=f"list {number}", value=value)
    message = ExportLogsServiceRequest.FromString(otlp.request(record))
    message.resource_logs[0].resource.attributes.add(key="process.command_args", value=values[-2])
    body = message.SerializeToString()
    assert blocks_of(body)
    for sink in both:
        sink.handle(body)
    columns, native = (_rows(sink, TABLES["events"]) for sink in both)
    assert columns == native
    assert columns[0]["attributes"]["list 14"] == '{"arrayValue":{"values":[{"stringValue":"."}]}}'
    for sink in both:
        for table in TABLES:
            sink.client.command(f"TRUNCATE TABLE {table}")


def test_enough_of_these_were_made_of_blocks() -> None:
    assert sum(MADE_OF_BLOCKS) > len(MADE_OF_BLOCKS) * 0.2


def _rows(sink: SinkUnderTest, query: str) -> list[dict[str, Any]]:
    answer = sink.client.query(query)
    return [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]


VIEWS = ["fill_bots", "fill_sequences", "mark_stale_activity"]
INSERTS = """
SELECT extract(query, 'INTO `?(\\\\w+)`?'), arraySort(arrayMap(v -> splitByChar('.', v)[2], views)) FROM system.query_log
WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND written_rows > 0
  AND Settings['insert_deduplication_token'] NOT IN ('', 'probe')
"""
PARTS = (
    "SELECT table, count() FROM system.parts WHERE database = currentDatabase() AND level = 0 AND rows > 0 GROUP BY 1"
)


def test_an_insert_of_events_is_one_statement_three_views_and_a_part_for_each_table(tmp_path: Path) -> None:
    with (
        EmbeddedClickHouse(tmp_path, program=PROGRAM) as server,
        sink_on(server.url, "chattrail", "auto", tmp_path) as sink,
    ):
        for table in TABLES:
            sink.client.command(f"SYSTEM STOP MERGES {table}")
        sink.handle(otlp.request(*conversation()))
        sink.client.command("SYSTEM FLUSH LOGS")
        assert [(table, list(views)) for table, views in sink.rows(INSERTS)] == [("events", VIEWS)]
        parts = dict(sink.rows(PARTS))
        assert {table: parts.get(table, 0) for table in TABLES} == {
            "events": 1, "logs": 0, "dead_letters": 0, "stale_activity": 1, "sequences": 0, "bots": 1,  # these have no numbers
        }  # fmt: skip
