"""How the real collector reads OTLP/JSON, as docs/senders.md warns its senders: stricter than the sidecar, for a whole request."""

import json

import pytest

from tests.support.collector_process import Collector, Destination, event_id, until
from tests.support.otlp import uuid7


def post(collector: Collector, value: str) -> tuple[int, str, list[str]]:
    """Send a record with an attribute of this value, as it stands here, and one behind it. Return status, answer and ids."""
    ids = [uuid7(0), uuid7(0)]
    first, behind = ([{"key": "event.id", "value": {"stringValue": each}}] for each in ids)
    records = [{"attributes": [*first, {"key": "odd", "value": "HERE"}]}, {"attributes": behind}]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).replace('"HERE"', value)
    status, answer = collector.answer(body.encode(), **{"content-type": "application/json"})
    return status, answer.decode(), ids


@pytest.mark.parametrize("value", ['{"intValue": 1e3}', '{"intValue": true}', '{"arrayValue": {"values": [null, 5]}}'])
def test_one_record_that_it_cannot_read_has_its_whole_request_refused(
    collector: Collector, destination: Destination, value: str
) -> None:
    status, answer, refused = post(collector, value)
    assert (status, json.loads(answer)["code"]) == (400, 3)
    status, _, ids = post(collector, '{"intValue": 1000}')
    assert status == 200
    until(lambda: set(ids) <= set(destination.ids()), "what was acknowledged")
    assert not {*refused} & {*destination.ids()}


def test_half_a_surrogate_pair_is_replaced(collector: Collector, destination: Destination) -> None:
    status, _, ids = post(collector, r'{"stringValue": "cut \ud83d"}')
    assert status == 200
    until(lambda: set(ids) <= set(destination.ids()), "what was acknowledged")
    (record,) = (record for record in destination.records() if event_id(record) == ids[0])
    assert {pair.key: pair.value.string_value for pair in record.attributes}["odd"] == "cut \ufffd"
