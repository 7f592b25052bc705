"""Divides a batch into blocks of columns and the records that these can't hold, which go through the views.

Nearly all batches are blocks as a whole. Where one is not, its records are looked at one by one: a collector merges requests, and
one list among 8,000 events would have all of them take the slow way.
"""

from collections.abc import Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.events import PREFIX as EVENT_PREFIX
from sidecar.otlp.batch import Batch, records_of
from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse.columns.blocks import FLOATS, WHOLE, TableBlock, blocks_of
from sidecar.plugins.clickhouse.columns.records import EARLIEST, IMAGE_BYTES, LATEST, PROCESS_ENDED
from sidecar.plugins.clickhouse.columns.texts import double_text
from sidecar.plugins.clickhouse.split import event_fault, select

SCALARS = frozenset({None, "string_value", "bool_value", "int_value", "double_value"})
WHOLE_KEYS = frozenset(key for _, key in WHOLE.values())
NUMBER_KEYS = WHOLE_KEYS.union(*FLOATS.values())


def divide(batch: Batch) -> tuple[Sequence[TableBlock], frozenset[int]]:
    """Return blocks, and the positions of the records that are in none. Both ways of the same bytes are always the same."""
    everything = frozenset(range(batch.record_count))
    if batch.unreadable:
        return (), everything
    try:
        return blocks_of(batch.body), frozenset()
    except OddRequestError:
        pass
    records = records_of(batch.request)
    odd = frozenset(at for at, record in enumerate(records) if not _is_plain(record, batch.name_of(record)))
    if not odd or odd == everything:
        return (), everything
    try:
        return blocks_of(select(batch.request, lambda at: at not in odd)), odd
    except OddRequestError:  # a resource, say
        return (), everything


def _is_plain(record: LogRecord, name: str) -> bool:
    """Whether a block holds it. What this overlooks has the whole batch go through the views."""
    if name != record.event_name or name == PROCESS_ENDED.decode() or not _is_scalar(record.body):
        return False
    if not any(EARLIEST <= time < LATEST for time in (record.time_unix_nano, record.observed_time_unix_nano)):
        return False
    for pair in record.attributes:
        kind = pair.value.WhichOneof("value")
        if pair.key in NUMBER_KEYS and kind != "int_value" and (pair.key in WHOLE_KEYS or kind != "double_value"):
            return False
        if pair.key_strindex or not (
            _is_scalar(pair.value) or (kind == "bytes_value" and pair.key == IMAGE_BYTES.decode())
        ):
            return False
    return not name.startswith(EVENT_PREFIX) or event_fault(record, without_a_person=frozenset()) is None


def _is_scalar(value: AnyValue) -> bool:
    kind = value.WhichOneof("value")
    if kind == "double_value":
        try:
            double_text(value.double_value)
        except OddRequestError:
            return False
    return kind in SCALARS
