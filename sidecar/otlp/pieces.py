"""Cuts a request into pieces that can be parsed and stored in bounded memory, at record boundaries, before it is parsed.

A few bytes on the wire may be much in memory: an empty record takes 2 bytes here, 130 when parsed and kilobytes while
ClickHouse stores it; a resource is repeated for each of its records. A collector may have acknowledged such a body and drops
for good what is refused, so it is stored in pieces. The same body is always cut into the same pieces, which keeps their
insert tokens. The costs below are upper bounds of what `make sweep-batches` measures (docs/adr/0021).
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sidecar.errors import MalformedError
from sidecar.otlp.salvage import RejectedRecord
from sidecar.otlp.wire import (
    LENGTH_DELIMITED,
    LOG_RECORDS,
    RESOURCE_LOGS,
    SCOPE_LOGS,
    Origin,
    contents,
    fields,
    rest,
    scopes,
)

# Memory of ClickHouse for one insert, as estimated. Less than two thirds of what a query may take by default (query_memory_mb, and
# less than that of docker-compose.yml), because two inserts of a collector and merges go on at the same time. A collector's
# largest batch by default, 8,000 events of a bot that chats, is estimated at 280 MiB and should be one insert.
PIECE_BYTES: Final = 320 << 20
# Bytes of ClickHouse's memory for a record, a byte of it, a value in it; for a byte and a value of its resource and scope, which
# are stored with each record anew; for an entry of resource or scope.
RECORD, BYTE, VALUE, SHARED_BYTE, SHARED_VALUE, ENTRY = 4_000, 14, 300, 20, 200, 300
# A record, or a resource with its scope, that holds more values is not telemetry; ClickHouse can't store 900,000.
MOST_VALUES: Final = 500_000
# Of one request, in ClickHouse's memory, for resources and scopes stored with each record anew: a minute of work. Above it those
# are turned away that have more than usual, which is about 3 kB: a collector merges them with others.
MOST_SHARED, USUAL_SHARED = 32 << 30, 16 * RECORD
# Values (attributes, elements of arrays and lists) begin with one of these tags; the last three are longer forms of the same.
# They stand inside texts, too, so counting them gives an upper bound, far cheaper than walking every value.
TAGS: Final = bytes((0x0A, 0x32, 0x1A, 0x8A, 0xB2, 0x9A))
# Records are weighed by the run, which is shorter than any piece.
RUN_RECORDS, RUN_BYTES, UNREADABLE = 256, 32 << 10, 1_000
WINDOW = 1 << 20

TOO_MANY_VALUES = f"the record holds more than {MOST_VALUES} values"
TOO_MANY_SHARED = f"the record's resource and scope hold more than {MOST_VALUES} values"
TOO_MUCH_SHARED = "the record's resource and scope are too large to be stored with each of so many records"

# Which messages the messages hold, by field number.
_INNER: Final[dict[str, dict[int, str]]] = {
    "request": {1: "resource logs"}, "resource logs": {1: "resource", 2: "scope logs"}, "resource": {1: "pair", 3: "reference"},
    "scope logs": {1: "scope", 2: "record"}, "scope": {3: "pair"}, "record": {5: "value", 6: "pair"}, "pair": {2: "value"},
    "value": {5: "array", 6: "kvlist"}, "array": {1: "element"}, "kvlist": {1: "pair"}, "element": {5: "array", 6: "kvlist"},
    "reference": {},
}  # fmt: skip
COUNTED: Final = frozenset({"pair", "element", "reference"})


@dataclass(slots=True)
class Piece:
    """Part of a request, itself one. `parsed_bytes` is about what it takes in this process, parsed, without the body.

    `digest` is of the whole request and the place in it, as pieces may be equal; "" where the whole is one piece.
    """

    body: bytes
    parsed_bytes: int
    digest: str = ""
    unreadable: tuple[RejectedRecord, ...] = ()


@dataclass(slots=True)
class _Growing:
    """A piece while records are added: runs of `log_records` fields under what they share.

    What is complete is kept as bytes: a piece may have 50,000 resources, and as many objects would leave gaps in Python's heap.
    """

    cost: int = 0
    parsed: int = 0
    origin: Origin | None = None
    _complete: bytearray = field(default_factory=bytearray)
    _runs: list[bytes] = field(default_factory=list)

    def add(self, origin: Origin, shared_values: int, run: bytes, count: int, values: int, cost: int) -> None:
        if self.origin is not origin:
            self._complete_origin()
            self.origin = origin
            self.parsed += _parsed(2, shared_values, origin.size)
        self._runs.append(run)
        self.cost += cost
        self.parsed += _parsed(count, values, len(run))

    def piece(self, digest: str) -> Piece:
        self._complete_origin()
        return Piece(bytes(self._complete), self.parsed, digest)

    def _complete_origin(self) -> None:
        if self.origin is not None:
            self._complete += self.origin.request(b"".join(self._runs))
            self._runs.clear()


def cut(body: bytes) -> Iterator[Piece]:
    """Yield the pieces of a request, or the small body itself. Raises MalformedError, before the first piece only."""
    cost, parsed = weigh(body)
    if cost <= PIECE_BYTES:
        yield Piece(body, parsed)
        return
    digests = _digests(body)
    growing, dead, shared = _Growing(), list[RejectedRecord](), 0
    for origin, start, end in scopes(body):
        shared_values = _tags(origin.head) + _tags(origin.scope_head)
        each = SHARED_BYTE * origin.size + SHARED_VALUE * shared_values
        reason = TOO_MANY_SHARED if each > PIECE_BYTES and _holds_more_values(origin.request(b"")) else ""
        most = max(1, min(RUN_RECORDS, PIECE_BYTES // 8 // (RECORD + each)))
        for first, last, count in _runs(body, start, end, most):
            run = body[first:last]
            values = _tags(run)
            run_cost = count * (RECORD + each) + BYTE * len(run) + VALUE * values
            if growing.origin is not origin:
                run_cost += 2 * ENTRY + BYTE * (origin.size + 8) + VALUE * (shared_values + 1)
            shared += each * count
            run_reason = reason or (TOO_MUCH_SHARED if shared > MOST_SHARED and each > USUAL_SHARED else "")
            if count == 1 and run_cost > PIECE_BYTES and _holds_more_values(Origin().request(run)):
                run_reason = TOO_MANY_VALUES
            if growing.origin and (run_reason or growing.cost + run_cost > PIECE_BYTES):
                yield growing.piece(next(digests))
                growing = _Growing()
            if dead and (not run_reason or len(dead) >= UNREADABLE):
                yield Piece(b"", 0, next(digests), tuple(dead))
                dead = []
            if run_reason:
                for began, _, stop in contents(run, 0, len(run), LOG_RECORDS):
                    alone = Origin().request(run[began:stop])
                    dead.append(RejectedRecord(len(dead), run_reason, alone, origin=origin))
            else:
                growing.add(origin, shared_values, run, count, values, run_cost)
    if growing.origin:
        yield growing.piece(next(digests))
    if dead:
        yield Piece(b"", 0, next(digests), tuple(dead))


def _digests(body: bytes) -> Iterator[str]:
    whole = hashlib.sha256(body).hexdigest()
    for number in itertools.count():
        yield hashlib.sha256(f"{whole}:{number}".encode()).hexdigest()


def weigh(body: bytes) -> tuple[int, int]:
    """What storing the whole costs ClickHouse, and parsing it this process; in passing, whether it is made of records."""
    entries = records = 0
    shared = 0
    for _, start, end in contents(body, 0, len(body), RESOURCE_LOGS):
        entries += 1
        head, count = rest(body, start, end, SCOPE_LOGS)
        if not count:
            continue
        entries += count
        head_cost = SHARED_BYTE * len(head) + SHARED_VALUE * _tags(head)
        for _, begin, stop in contents(body, start, end, SCOPE_LOGS):
            scope_head, count = rest(body, begin, stop, LOG_RECORDS)
            records += count
            shared += count * (head_cost + SHARED_BYTE * len(scope_head) + SHARED_VALUE * _tags(scope_head))
    values = sum(_tags(body[at : at + WINDOW]) for at in range(0, len(body), WINDOW))
    cost = records * RECORD + shared + BYTE * len(body) + VALUE * values + ENTRY * entries
    return cost, _parsed(records + entries, values, len(body))


def _runs(body: bytes, start: int, end: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield runs of adjacent records: where the first field begins, where the last one ends, how many."""
    first = last = count = 0
    for began, _, stop in contents(body, start, end, LOG_RECORDS):
        if count and (began != last or count >= most or stop - first > RUN_BYTES):
            yield first, last, count
            count = 0
        if not count:
            first = began
        last = stop
        count += 1
    if count:
        yield first, last, count


def _tags(part: bytes) -> int:
    return len(part) - len(part.translate(None, TAGS))


def _parsed(messages: int, values: int, size: int) -> int:
    """Bytes of the parsed form (upb): a value is 60, of which a text or an attribute has two or three tags."""
    return 130 * messages + (24 if values * 8 < size else 64) * values


def _holds_more_values(request: bytes) -> bool:
    """Whether a request holds more than MOST_VALUES values, counted one by one."""
    count, waiting = 0, [("request", 0, len(request))]
    try:
        while waiting:
            kind, start, end = waiting.pop()
            for tag, _, begin, stop in fields(request, start, end):
                if tag & 7 == LENGTH_DELIMITED and (inner := _INNER[kind].get(tag >> 3)):
                    count += inner in COUNTED
                    if count > MOST_VALUES:
                        return True
                    if stop > begin:
                        waiting.append((inner, begin, stop))
    except MalformedError:  # salvage says which record it is
        pass
    return False
