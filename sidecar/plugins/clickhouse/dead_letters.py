"""Records that could not be stored, kept in `dead_letters` with the reason, whose number they had, and the raw record."""

from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.asyncclient import AsyncClient
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sidecar.batch import attributes_of
from sidecar.otlp_json import is_json, legible
from sidecar.salvage import origin_of

COLUMNS = ["reason", "event_name", "batch", "position", "raw", "service_name", "instance_id", "sequence"]
SEQUENCE_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that can't be stored. `raw` is a request that holds only it; `position` counts from 0 through the batch.

    Of OTLP/JSON `raw` is JSON, and may hold several `records` that have one fault.
    """

    position: int
    event_name: str
    reason: str
    raw: bytes
    records: int = 1


async def bury(client: AsyncClient, letters: Sequence[DeadLetter], batch: str) -> None:
    """Commit letters of one batch; the same again changes nothing. Raises the driver's errors."""
    rows = [
        [letter.reason, letter.event_name, batch, letter.position, letter.raw, *_place(letter.raw)]
        for letter in letters
    ]
    await client.insert(
        "dead_letters",
        rows,
        column_names=COLUMNS,
        settings={"async_insert": 0, "insert_deduplication_token": f"{batch}:dead"},
    )


def _place(raw: bytes) -> tuple[str, str, int]:
    """Service, process and number of the record, as far as it tells: loss accounting knows it by them."""
    try:
        request = legible(raw) if is_json(raw) else ExportLogsServiceRequest.FromString(raw)
        entries = list(request.resource_logs)
    except DecodeError:
        entries = [origin_of(raw)]
    for entry in entries:
        resource = attributes_of(entry.resource.attributes)
        for scope in entry.scope_logs:
            for record in scope.log_records:
                sequence = attributes_of(record.attributes).get("event.sequence")
                known = isinstance(sequence, int) and 0 < sequence <= SEQUENCE_MAX
                return (
                    _text(resource.get("service.name")),
                    _text(resource.get("service.instance.id")),
                    (int(sequence) if known and isinstance(sequence, int) else 0),
                )
        return _text(resource.get("service.name")), _text(resource.get("service.instance.id")), 0
    return "", "", 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
