"""Ids that a second run of the same backfill makes again, so that it stores nothing twice."""

import hashlib
from collections import Counter
from uuid import UUID

from chattrail.record import Record, Sink, WrappedSink


class DeterministicIds(WrappedSink):
    """A tracker's sink that replaces the random ids of events and sessions by ids made from the seed, then passes them on."""

    def __init__(self, sink: Sink, seed: str) -> None:
        super().__init__(sink)
        self._seed = seed
        self._events: Counter[str] = Counter()
        self._sessions: dict[str, tuple[str, str]] = {}

    def emit(self, record: Record) -> None:
        """Replace the ids and pass the record on."""
        person = str(record.attributes.get("user.id", ""))
        self._events[person] += 1
        number = self._events[person]
        record.attributes["event.id"] = self._id(record.timestamp, f"{person}/{number}")
        given = record.attributes.get("session.id")
        if isinstance(given, str):
            if self._sessions.get(person, ("", ""))[0] != given:
                self._sessions[person] = given, self._id(record.timestamp, f"{person}/session/{number}")
            record.attributes["session.id"] = self._sessions[person][1]
        self.sink.emit(record)

    def _id(self, timestamp: int, name: str) -> str:
        """Make a UUIDv7 (RFC 9562): the record's milliseconds, and a digest in place of the random bits."""
        digest = int.from_bytes(hashlib.sha256(f"{self._seed}/{name}".encode()).digest()[:10], "big")
        milliseconds = (timestamp // 1_000_000) & (2**48 - 1)
        low = digest & (2**62 - 1)
        return str(UUID(int=milliseconds << 80 | 0x7 << 76 | (digest >> 62 & 0xFFF) << 64 | 0b10 << 62 | low))
