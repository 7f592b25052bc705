"""From the bytes of a request to Batches, on threads and in bounded memory: inflated, cut into pieces, parsed piece by piece."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sidecar.errors import MalformedError
from sidecar.memory import Trimmer
from sidecar.otlp.batch import Batch
from sidecar.otlp.json_request import convert
from sidecar.otlp.pieces import Piece, cut
from sidecar.otlp.salvage import RejectedRecord, Salvaged
from sidecar.receiver.inflate import TooLargeError, inflate
from sidecar.receiver.memory_limiter import Reservation
from sidecar.receiver.responses import JSON, PROTOBUF, RefusedError
from sidecar.settings import SidecarSettings

# bodies inflated, cut or parsed at one time, on threads: what they grow to by inflating is booked only afterwards
DECODERS = 2
# a small body is parsed in less time than a thread takes to wake
INLINE_BYTES = 64 * 1024
# JSON is read as a whole, at about 100 bytes a value. A record with 15 attributes has 100 values; collectors send protobuf.
MOST_JSON_VALUES = 1_000_000

Result = TypeVar("Result")


class Decoder:
    """What all requests share: a few threads' worth of decoding at a time."""

    def __init__(self, settings: SidecarSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(DECODERS)
        self.trimmer = Trimmer()

    async def run(self, work: Callable[[], Result], size: int) -> Result:
        """Do decoding work on `size` bytes, on a thread when it is much."""
        if size <= INLINE_BYTES:
            return work()
        async with self._free:
            return await asyncio.to_thread(work)

    async def opened(self, body: bytes, encoding: str, content_type: str, reservation: Reservation) -> Salvaged:
        """Return the protobuf of a body, and unreadable OTLP/JSON. Raises TooLargeError, MalformedError, RefusedError."""

        def work() -> Salvaged:
            try:
                plain = inflate(body, encoding, self._settings.max_inflated_bytes)
            except (TooLargeError, MalformedError):
                reservation.most = self._settings.max_inflated_bytes  # found at the end, maybe
                raise
            reservation.most = max(reservation.most, len(body) + len(plain))
            if content_type != JSON:
                return Salvaged(plain, ())
            if plain.count(b",") + plain.count(b"{") + plain.count(b"[") > MOST_JSON_VALUES:
                raise RefusedError(
                    413, f"the body holds more than {MOST_JSON_VALUES} JSON values; send smaller batches, or protobuf"
                )
            return convert(plain)

        if encoding in ("", "identity") and content_type == PROTOBUF and len(body) <= INLINE_BYTES:
            return work()
        async with self._free:
            opened = await asyncio.to_thread(work)
        self.book(reservation, _size(opened))
        return opened

    def book(self, reservation: Reservation, amount: int) -> None:
        """Book what a request takes by now. One request alone always fits. Raises RefusedError."""
        reservation.hold(min(amount, self._settings.max_in_flight_bytes))


class Decoding:
    """The Batches of one request, one after another. `in_pieces` before `next`."""

    def __init__(self, decoder: Decoder, opened: Salvaged, received_at: datetime, reservation: Reservation) -> None:
        self._decoder = decoder
        self._body = opened.body
        self._unreadable = opened.unreadable
        self._size = _size(opened)
        self._received_at = received_at
        self._reservation = reservation
        self._pieces = cut(opened.body)
        self._piece: Piece | None = None

    async def in_pieces(self) -> bool:
        """Whether the body is too much to be parsed and stored as a whole. Raises MalformedError when it is not a request."""
        self._piece = await self._cut()
        return self._piece is not None and self._piece.body is not self._body

    async def skip(self, pieces: int) -> None:
        """Leave out the next pieces, which are durable already."""
        for _ in range(pieces):
            piece, self._piece = self._piece or await self._cut(), None
            if piece is None:  # what stands behind the last one
                self._unreadable = ()

    async def next(self) -> Batch | None:
        """The next Batch, None after the last. Raises MalformedError, or RefusedError when there is no room for it now."""
        piece, self._piece = self._piece, None
        piece = piece or await self._cut()
        received_at, unreadable = self._received_at, self._unreadable
        if piece is None:
            self._unreadable = ()
            # behind the last piece, numbered by themselves
            return Batch(b"", ExportLogsServiceRequest(), received_at, _numbered(unreadable)) if unreadable else None
        whole = piece.body is self._body
        self._decoder.book(self._reservation, self._size + piece.parsed_bytes + (0 if whole else len(piece.body)))
        batch = await self._decoder.run(lambda: Batch.of(piece, received_at), len(piece.body))
        if whole and unreadable:  # by their places among the others
            batch.unreadable, self._unreadable = unreadable, ()
        return batch

    async def _cut(self) -> Piece | None:
        return await self._decoder.run(lambda: next(self._pieces, None), len(self._body))


def _size(opened: Salvaged) -> int:
    return len(opened.body) + sum(len(record.raw) for record in opened.unreadable)


def _numbered(records: Sequence[RejectedRecord]) -> tuple[RejectedRecord, ...]:
    begin = itertools.accumulate((record.records for record in records), initial=0)
    return tuple(replace(record, position=place) for place, record in zip(begin, records, strict=False))
