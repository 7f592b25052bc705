"""Requests of many shapes through a real sidecar into a real embedded ClickHouse, both at their default limits.

Every request must be answered 200, each of its records stored or a dead letter. `make sweep-batches` runs all sizes and writes
the table of docs/operations.md; `make test` runs the same code on small ones.
"""

import io
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiohttp
import psutil
from backports import zstd
from clickhouse_connect.driver.client import Client
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from sidecar.otlp.pieces import cut
from sidecar.otlp.wire import LOG_RECORDS, Origin, encode
from tests.support.otlp import event, plain

PROTOBUF = "application/x-protobuf"
TABLES = ("events", "logs", "dead_letters", "dead_letter_origins", "activity", "stale_activity", "sequences")
COUNTS = (
    "SELECT (SELECT count() FROM events FINAL) + (SELECT count() FROM logs), (SELECT count() FROM dead_letters FINAL)"
)
WORDS = "Привет, как твои дела сегодня? "


@dataclass(frozen=True, slots=True)
class Case:
    """One request: records of a kind under a resource, until the body has a size; `dead` of them become dead letters."""

    kind: str
    resource_bytes: int
    body_bytes: int
    dead: int = 0

    def body(self) -> tuple[bytes, int]:
        """The serialized request and how many records it has."""
        origin = _origin(self.resource_bytes)
        record = KINDS[self.kind]
        records, size, count = [], origin.size, 0
        for number in itertools.count():
            made = encode(LOG_RECORDS, record(number, self.body_bytes))
            if count and size + len(made) > self.body_bytes:
                break
            records.append(made)
            size += len(made)
            count += 1
        return origin.request(b"".join(records)), count


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. `rss_bytes` is the sidecar's when it has given back what it took."""

    case: Case
    wire_bytes: int
    records: int
    pieces: int
    status: int
    stored: int
    dead: int
    seconds: float
    rss_bytes: int


def _origin(size: int) -> Origin:
    attributes = [KeyValue(key="service.name", value=plain("sweep"))]
    if size:
        attributes.append(KeyValue(key="description", value=plain("x" * size)))
    return Origin(encode(1, b"".join(encode(1, pair.SerializeToString()) for pair in attributes)))


def _small(number: int, _: int) -> bytes:
    return bytes(event("command", "7", at=1_780_000_000_000_000_000 + number).SerializeToString())


def _chat(number: int, _: int) -> bytes:
    texts = {
        "session.id": str(uuid.uuid4()), "telegram.chat.id": "1234567", "telegram.chat.type": "private",
        "telegram.user.name": "Anna", "chattrail.persona.id": "luna", "chattrail.story.id": "forest",
        "chattrail.message.kind": "text", "chattrail.message.text": WORDS * 3,
    }  # fmt: skip
    return bytes(
        event("user_message", str(number % 1000), texts, at=1_780_000_000_000_000_000 + number).SerializeToString()
    )


def _text(number: int, size: int) -> bytes:
    text = "x" * (size - 1024)
    return bytes(
        event("user_message", "7", {"chattrail.message.text": text}, at=1_780_000_000_000_000_000).SerializeToString()
    )


def _array(element: bytes) -> Callable[[int, int], bytes]:
    def record(_: int, size: int) -> bytes:
        items = encode(5, encode(1, element) * ((size - 1024) // len(encode(1, element))))  # array_value, values
        pair = encode(1, b"items") + encode(2, items)
        return bytes(event("command", "7", at=1_780_000_000_000_000_000).SerializeToString()) + encode(6, pair)

    return record


def _attributes(number: int, size: int) -> bytes:
    pair = encode(6, encode(1, b"k") + encode(2, encode(1, b"v")))
    return bytes(event("command", "7", at=1_780_000_000_000_000_000).SerializeToString()) + pair * (
        (size - 1024) // len(pair)
    )


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "empty records": lambda number, size: b"",
    "small events": _small,
    "chat events": _chat,
    "one long text": _text,
    "one array of empty values": _array(b""),
    "one array of short texts": _array(encode(1, b"x")),
    "one record of attributes": _attributes,
}
MIB = 1 << 20
EXTREME = Case("one array of empty values", 0, 6 * MIB, dead=1)  # 3 million elements in a few hundred bytes of zstd


def small() -> Iterator[Case]:
    """A few requests that are cut or refused in part, in seconds."""
    yield Case("small events", 1_200, 3 * MIB)
    yield Case("empty records", 0, 256 << 10)
    yield Case("empty records", 100_000, 105_000)
    yield Case("chat events", 100, 256 << 10)
    yield Case("one array of empty values", 0, 2 * MIB, dead=1)
    yield Case("one array of short texts", 1_200, 31 * MIB, dead=1)
    yield Case("one long text", 1_200, 2 * MIB)


def full() -> Iterator[Case]:
    """Every kind in sizes up to the collector's largest batch (12 MiB) and the sidecar's largest body, and under resources.

    Left out is what would take hours to store: gigabytes of resources.
    """
    many, one = ("small events", "chat events"), tuple(kind for kind in KINDS if kind.startswith("one"))
    for kind, resource, size in itertools.product(many, (0, 1_200), (MIB, 12 * MIB, 31 * MIB)):
        yield Case(kind, resource, size)
    for kind, size in itertools.product(one, (MIB, 12 * MIB, 31 * MIB)):
        yield Case(kind, 1_200, size, dead=int(kind != "one long text" and size > MIB))  # of too many values
    for resource, size in ((0, MIB), (1_200, MIB // 4), (0, 12 * MIB)):
        yield Case("empty records", resource, size)
    yield Case("small events", 100_000, MIB // 2)
    yield EXTREME


def resident(pid: int) -> int:
    """The RSS of a process."""
    return int(psutil.Process(pid).memory_info().rss)


async def run(case: Case, session: aiohttp.ClientSession, url: str, client: Client, pid: int) -> Outcome:
    """Send one request, once, and count what is in the tables then, which are emptied before."""
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")
    body, records = case.body()
    pieces = sum(1 for _ in cut(body))
    wire = zstd.compress(body)
    began = time.monotonic()
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "zstd"}
    async with session.post(f"{url}/v1/logs", data=io.BytesIO(wire), headers=headers) as answer:
        await answer.read()
        status = answer.status
    seconds = time.monotonic() - began
    ((stored, dead),) = client.query(COUNTS).result_rows
    return Outcome(case, len(wire), records, pieces, status, stored, dead, seconds, resident(pid))
