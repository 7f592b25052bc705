"""Ids that a second run of the same backfill makes again, so that it stores nothing twice."""

import hashlib
from collections import defaultdict
from uuid import UUID

from chattrail.record import Record, Sink, WrappedSink


class RepeatableIds(WrappedSink):
    """A tracker's sink that gives events and sessions ids made from the seed instead of chance, then passes them on."""

    def __init__(self, sink: Sink, seed: str) -> None:
        super().__init__(sink)
        self._seed = seed
        self._events: defaultdict[str, int] = defaultdict(int)
        self._sessions: dict[str, tuple[str, str]] = {}

    def emit(self, record: Record) -> None:
        """Replace the ids and pass the record on."""
        person = str(record.attributes.get("user.id", ""))
        self._events[person] += 1
        number = self._events[person]
        record.attributes["event.id"] = str(self._id(record.timestamp, f"{person}/{number}"))
        given = record.attributes.get("session.id")
        if isinstance(given, str):
            before, ours = self._sessions.get(person, ("", ""))
            if before != given:
                ours = str(self._id(record.timestamp, f"{person}/session/{number}"))
                self._sessions[person] = (given, ours)
            record.attributes["session.id"] = ours
        self.sink.emit(record)

    def _id(self, timestamp: int, what: str) -> UUID:
        """Make a UUIDv7 (RFC 9562): the record's milliseconds, and a digest where chance would stand."""
        digest = int.from_bytes(hashlib.sha256(f"{self._seed}/{what}".encode()).digest()[:10], "big")
        milliseconds = (timestamp // 1_000_000) & (2**48 - 1)
        low = digest & (2**62 - 1)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | (digest >> 62 & 0xFFF) << 64 | 0b10 << 62 | low)
