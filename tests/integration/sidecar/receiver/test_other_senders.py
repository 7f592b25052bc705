"""What senders other than the tracker do, as ClickHouse then holds it: both encoders, real engine."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.otlp.batch import Batch
from sidecar.plugins.clickhouse.migrate import migrate, migrations
from sidecar.plugins.clickhouse.replay import Outcome, replay
from tests.support.conversation import NOON
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, plain, request, uuid7
from tests.support.sinks import SinkUnderTest
from tests.support.wire import MARK


def handle_json(sink: SinkUnderTest, document: Any) -> Batch:
    batch = Batch.from_json(json.dumps(document).encode(), datetime.now(UTC))
    sink.run(sink.sink.handle(batch))
    return batch


def event_json(**extra: Any) -> dict[str, Any]:
    pairs = {"event.id": uuid7(NOON // 1_000_000), "user.id": "7", **extra}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]
    return {"eventName": "chattrail.user_message", "timeUnixNano": str(NOON), "attributes": attributes}


def test_bad_records_of_a_json_request_are_dead_letters_and_replay_copes(sink: SinkUnderTest) -> None:
    bad = event_json(**{"chattrail.message.text": MARK})
    bad["attributes"] += [
        {"key": "event.sequence", "value": {"intValue": "12"}},
        {"key": "n", "value": {"intValue": 2**63}},
    ]
    cut = event_json(**{"chattrail.message.text": "cut \ud83d"})
    resource = {
        "attributes": [{"key": key, "value": {"stringValue": key}} for key in ("service.name", "service.instance.id")]
    }
    records = [event_json(), bad, cut, None, {"body": {"bytesValue": [1]}}, {"eventName": "chattrail.command"}]
    document = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
    for _ in range(2):  # the same again changes nothing
        batch = handle_json(sink, document)
        assert sum(batch.rejected.values()) == 4
        assert batch.record_count == 6
        texts = sink.rows("SELECT attributes['chattrail.message.text'] FROM events FINAL ORDER BY 1")
        assert texts == [("",), ("cut \ufffd",)]
        letters = sink.client.query(
            "SELECT position, reason, service_name, instance_id, sequence, raw FROM dead_letters FINAL ORDER BY position",
            column_formats={"raw": "bytes"},
        ).result_rows
    assert [(row[0], row[1].removeprefix("the record can't be read: ")) for row in letters] == [
        (1, "intValue: out of range"),
        (3, "expected an object"),
        (4, "bytesValue: expected a string"),
        (5, "event.id is missing"),
    ]
    assert letters[0][2:5] == ("service.name", "service.instance.id", 12)
    assert json.loads(bytes(letters[0][5])) == {
        "resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [bad]}]}]
    }
    for _ in range(2):
        outcome = sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
        assert outcome == Outcome(0, {row[1]: 1 for row in letters})
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 4
    assert MARK not in "".join(batch.rejected)


def test_a_letter_in_json_is_stored_by_a_replay_once_it_can_be_read(sink: SinkUnderTest) -> None:
    """As after an upgrade to a sidecar that reads what this one can't."""
    raw = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [event_json(), {"severityText": "x"}]}]}]})
    columns = ["reason", "event_name", "batch", "position", "raw", "service_name", "instance_id", "sequence"]
    sink.client.insert("dead_letters", [["old", "", "b", 0, raw.encode(), "", "", 0]], column_names=columns)
    assert sink.run(replay(sink.url, sink.sink)) == Outcome(1, {})  # type: ignore[arg-type]
    assert sink.one("SELECT count() FROM events FINAL") == 1
    assert sink.one("SELECT count() FROM logs") == 1
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 0


def named(record: LogRecord, **attributes: str) -> LogRecord:
    record.event_name = ""
    record.attributes.extend(KeyValue(key=key.replace("_", "."), value=plain(name)) for key, name in attributes.items())
    return record


def test_an_attribute_names_a_record_whose_event_name_is_empty(sink: SinkUnderTest) -> None:
    records = [
        named(event("command", "1", at=NOON), event_name="chattrail.command"),
        named(event("command", "2", at=NOON), otel_event_name="chattrail.command", event_name="x"),
        event("command", "3", {"event.name": "chattrail.made_up"}, at=NOON),  # the field wins
        named(event("command", "4", at=NOON), event_name="device.crashed"),
        named(event("command", "5", event_id="none"), event_name="chattrail.command"),
        named(event("command", "6", at=NOON), otel_event_name="", event_name="chattrail.command"),
    ]
    batch = Batch.parse(request(*records), datetime.now(UTC))
    assert batch.types == {"command"}
    assert [found.user_id for found in batch.events(frozenset({"command"}))] == ["1", "2", "3", "5", "6"]
    sink.handle(request(*records))
    assert sink.rows("SELECT user_id, type, event_name FROM events ORDER BY user_id") == [
        ("1", "command", ""), ("2", "command", ""), ("3", "command", "chattrail.command"), ("6", "command", ""),
    ]  # fmt: skip
    assert sink.rows("SELECT event_name, reason FROM dead_letters") == [("chattrail.command", "event.id is not a UUID")]
    assert sink.rows("SELECT EventName, count() FROM otel_logs GROUP BY 1 ORDER BY 1") == [
        ("chattrail.command", 4), ("device.crashed", 1),
    ]  # fmt: skip
    sink.settle()
    assert sink.one("SELECT sum(commands) FROM activity FINAL") == 4


def test_the_end_of_a_process_may_be_named_by_an_attribute(sink: SinkUnderTest) -> None:
    values = {"event.name": "chattrail_process.ended", "chattrail.process.service_name": "bot"}
    record = LogRecord(attributes=[KeyValue(key=key, value=plain(value)) for key, value in values.items()])
    record.attributes.add(key="chattrail.process.instance_id", value=plain("i"))
    record.attributes.add(key="chattrail.process.reached", value=plain(812))
    sink.handle(request(record))
    assert sink.rows("SELECT service_name, max(reached) FROM sequences GROUP BY 1") == [("bot", 812)]


def a_map(**members: AnyValue) -> AnyValue:
    pairs = [KeyValue(key=key, value=value) for key, value in members.items()]
    return AnyValue(kvlist_value=KeyValueList(values=pairs))


def an_array(*items: AnyValue) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=items))


def test_structured_bodies_and_attributes_are_plain_json_in_otel_logs(sink: SinkUnderTest) -> None:
    scalars = [
        plain('a "quoted" ж\n{}'), plain(-(2**63)), plain(1.5), plain(True), plain(b"\xff"), AnyValue(),
        AnyValue(double_value=float("nan")), AnyValue(string_value_strindex=3),
    ]  # fmt: skip
    values = ['a "quoted" ж\n{}', -(2**63), 1.5, True, "/w==", None, "NaN", 3]
    deep = a_map(a=an_array(a_map(b=an_array(*scalars))), c=an_array(), d=a_map(), **{'k"': plain("v")})
    flat = LogRecord(event_name="flat", body=an_array(*scalars))
    flat.attributes.add(key="list", value=an_array(*scalars))
    flat.attributes.add(key="map", value=a_map(**{'k"': plain("v"), "n": plain(1)}))
    flat.attributes.add(key="text", value=plain('{"arrayValue": {"values": []}}'))
    nested = LogRecord(event_name="nested", body=deep)
    sink.handle(request(flat, nested, LogRecord(event_name="text", body=plain("[1]"))))
    bodies = dict(sink.rows("SELECT EventName, Body FROM otel_logs"))
    assert json.loads(bodies["flat"]) == values
    assert json.loads(bodies["nested"]) == {"a": [{"b": values}], "c": [], "d": {}, 'k"': "v"}
    assert bodies["text"] == "[1]"
    ((attributes,),) = sink.rows("SELECT LogAttributes FROM otel_logs WHERE EventName = 'flat'")
    assert json.loads(attributes["list"]) == values
    assert json.loads(attributes["map"]) == {'k"': "v", "n": 1}
    assert attributes["text"] == '{"arrayValue": {"values": []}}'


def test_rows_of_earlier_releases_are_read_the_same_way(clickhouse: EmbeddedClickHouse) -> None:
    with clickhouse.fresh_database() as database, clickhouse_connect.get_client(dsn=clickhouse.dsn(database)) as client:
        for migration in migrations()[:10]:
            for statement in migration.statements(database):
                client.command(statement)
            applied = [[migration.version, migration.name, migration.checksum]]
            client.command(
                "CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, checksum String,"
                " applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree(applied_at) ORDER BY version"
            )
            client.insert("schema_migrations", applied, column_names=["version", "name", "checksum"])
        old = '{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{}}]}}'
        client.command(
            "INSERT INTO logs (ts, event_name, body, body_type) VALUES ('2026-03-01 12:00:00', 'old', {b:String}, 'kvlist_value')",
            parameters={"b": old},
        )
        assert [done.version for done in migrate(clickhouse.dsn(database))] == [
            known.version for known in migrations()[10:]
        ]
        assert client.query("SELECT EventName, Body FROM otel_logs").result_rows == [("old", '{"a":1,"b":null}')]


def test_a_key_by_index_and_a_text_by_index_are_kept(sink: SinkUnderTest) -> None:
    record = event("command", at=NOON)
    record.attributes.add(key_strindex=7, value=AnyValue(string_value_strindex=9))
    record.attributes.add(key_strindex=8, value=plain("eight"))
    batch = Batch.parse(request(record), datetime.now(UTC))
    kept = {"#key_strindex:7": 9, "#key_strindex:8": "eight"}
    assert batch.events(frozenset({"command"}))[0].attributes.items() >= kept.items()
    sink.handle(request(record))
    ((attributes,),) = sink.rows("SELECT attributes FROM events")
    assert attributes["#key_strindex:7"] == "9"
    assert attributes["#key_strindex:8"] == "eight"


def test_what_has_no_time_is_one_row_and_seen_at_the_time_it_was_received(sink: SinkUnderTest) -> None:
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(milliseconds=1)
    untimed = event("command", "1", event_id="0f2b8b1e-52a5-4c1e-9d5e-3a9d2c9b7f10")
    untimed.time_unix_nano = 0
    log = LogRecord(body=plain("a log"))
    for others in ([], [event("command", "2")], [event("command", "3"), event("command", "4")]):
        sink.handle(request(untimed, *others))  # in other company each time: no token keeps it single
    sink.handle(request(log))
    shown = "SELECT Timestamp FROM otel_logs WHERE"
    assert sink.rows("SELECT ts, ts_source FROM events FINAL WHERE user_id = '1'") == [
        (datetime(1970, 1, 1), "unknown")
    ]
    for (at,) in sink.rows(f"{shown} Body = 'a log'") + sink.rows(f"{shown} LogAttributes['user.id'] = '1'"):
        assert before <= at <= datetime.now(UTC).replace(tzinfo=None)
    assert sink.one("SELECT count() FROM otel_logs") == 5
    (latest,) = sink.rows("SELECT max(received_at) FROM events WHERE user_id = '1'")
    assert sink.rows(f"{shown} LogAttributes['user.id'] = '1'") == [latest], "the time of the last one that came"


def test_a_range_of_time_reads_only_its_months(sink: SinkUnderTest) -> None:
    month = 31 * 24 * 3600 * 1_000_000_000
    sink.handle(request(*(event("command", at=NOON - n * month) for n in range(6))))
    explained = sink.rows("EXPLAIN indexes = 1 SELECT count() FROM otel_logs WHERE Timestamp > '2026-02-25 00:00:00'")
    read = [str(line).rpartition("Parts: ")[2] for (line,) in explained if "/6" in line and "Parts: " in line]
    assert read == ["1/6", "0/6"], "of what has a time, and of what has none"


@pytest.mark.parametrize(
    ("attributes", "person"),
    [
        ({"user.id": plain("7")}, "7"),
        ({"user.id": plain(7)}, "7"),
        ({"user.hash": plain("5f2b")}, "5f2b"),
        ({"user.id": plain(""), "user.hash": plain("5f2b")}, "5f2b"),
        ({}, "user.id is missing"),
        ({"user.id": plain("")}, "user.id is missing"),
        ({"user.id": AnyValue()}, "user.id is missing"),
        ({"user.id": an_array(plain("7"))}, "user.id is neither text nor an integer"),
        ({"user.id": plain(7.5)}, "user.id is neither text nor an integer"),
    ],
)
def test_an_event_is_a_persons_or_a_dead_letter(
    module_sink: SinkUnderTest, attributes: dict[str, AnyValue], person: str
) -> None:
    record = event("command")
    del record.attributes[:]
    event_id = uuid7(NOON // 1_000_000)
    record.attributes.add(key="event.id", value=plain(event_id))
    record.attributes.extend(KeyValue(key=key, value=value) for key, value in attributes.items())
    module_sink.handle(request(record))
    stored = module_sink.rows("SELECT user_id FROM events WHERE event_id = {id:UUID}", id=event_id)
    batch = Batch.parse(request(record), datetime.now(UTC))
    dead = module_sink.rows("SELECT reason FROM dead_letters WHERE batch = {b:String}", b=batch.digest)
    assert stored + dead == [(person,)]
    if stored:
        assert batch.events(frozenset({"command"}))[0].user_id == person


def test_an_exception_in_an_update_that_nobody_sent_has_no_person(module_sink: SinkUnderTest) -> None:
    record = event("handler_failed", at=NOON, attributes={"error.type": "KeyError"})
    del record.attributes[[pair.key for pair in record.attributes].index("user.id")]
    module_sink.handle(request(record))
    assert module_sink.rows("SELECT user_id FROM events WHERE type = 'handler_failed'") == [("",)]


def test_the_log_says_how_many_records_could_not_be_stored_and_why(
    module_sink: SinkUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """One letter may stand for many records, and a batch may have several faults."""
    large = {"attributes": [{"key": "k", "value": {"stringValue": "x" * 300_000}}]}
    records = [*[None] * 50, {"eventName": "chattrail.command"}, {"flags": "secret"}]
    document = {"resourceLogs": [{"resource": large, "scopeLogs": [{"logRecords": records}]}]}
    letters = module_sink.one("SELECT count() FROM dead_letters FINAL")
    assert handle_json(module_sink, document).rejected.total() == 52
    assert module_sink.one("SELECT count() FROM dead_letters FINAL") == letters + 3
    assert [line for line in caplog.messages if "dead_letters" in line] == [
        "52 of the batch's records went to dead_letters: the record can't be read: expected an object (50); "
        "event.id is missing (1); the record can't be read: flags: not an integer (1)"
    ]


def test_one_letter_of_many_records_goes_when_all_of_them_are_stored(sink: SinkUnderTest) -> None:
    large = {"attributes": [{"key": "k", "value": {"stringValue": "x" * 300_000}}]}
    records = [None] * 50 + [{"severityText": "fine"}]
    document = {"resourceLogs": [{"resource": large, "scopeLogs": [{"logRecords": records}]}]}
    batch = handle_json(sink, document)
    assert batch.rejected.total() == 50
    assert batch.record_count == 51
    assert sink.one("SELECT count() FROM logs") == 1
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 1
    assert sink.one("SELECT length(raw) FROM dead_letters") < 400_000
    assert sink.run(replay(sink.url, sink.sink)).stored == 0  # type: ignore[arg-type]
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 1
