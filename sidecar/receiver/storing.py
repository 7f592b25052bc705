"""From what a request holds to durable rows: piece by piece through the pipeline, once for all who send the same bytes."""

import hashlib
import logging
from collections import Counter

from aiohttp import web

from chattrail.rate_limited_log import RateLimitedLog
from sidecar.otlp.salvage import Salvaged
from sidecar.pipeline.pipeline import Pipeline
from sidecar.plugin import Clock
from sidecar.receiver.decoding import Decoder, Decoding
from sidecar.receiver.memory_limiter import Reservation
from sidecar.receiver.progress import Progress, ProgressOfBodies
from sidecar.telemetry import loop_guard


class Storing:
    """Gives opened requests to the pipeline."""

    def __init__(self, pipeline: Pipeline, decoder: Decoder, clock: Clock, logger: logging.Logger) -> None:
        self._pipeline = pipeline
        self._decoder = decoder
        self._clock = clock
        self._log = RateLimitedLog(logger)
        self._progress = ProgressOfBodies(clock)

    async def store(self, opened: Salvaged, reservation: Reservation, request: web.Request) -> Counter[str]:
        """Return once every record is durable, with what was rejected by reason. A large body is stored in pieces.

        Raises MalformedError, RefusedError, and what the pipeline raises.
        """
        decoding = Decoding(self._decoder, opened, self._clock.now(), reservation)
        if not await decoding.in_pieces():
            return await self._handle_all(decoding, Progress())
        digest = hashlib.sha256(opened.body)
        for record in opened.unreadable:
            digest.update(record.raw)
        key = f"pieces of {digest.hexdigest()}"
        progress = self._progress.of(key)
        if self._pipeline.in_flight(key):
            # sent again while its pieces are being stored, it waits for them, and holds nothing meanwhile
            del opened, decoding
            reservation.hold(0)
            rejected = await self._pipeline.outcome(key)
        else:
            rejected = await self._pipeline.once(key, lambda: self._handle_all(decoding, progress))
        if request.transport is not None:  # the sender that waited for this has the answer now
            self._progress.forget(key)
        return rejected

    async def _handle_all(self, decoding: Decoding, progress: Progress) -> Counter[str]:
        await decoding.skip(progress.pieces)
        while (batch := await decoding.next()) is not None:
            if batch.mended:
                self._log.warning(
                    "texts of a resource or scope were not UTF-8: U+FFFD is stored for what could not be read"
                )
            parts = batch.by_origin() if batch.record_count else []
            del batch  # nothing of a piece is held while the next is parsed: only one is booked
            rejected = Counter[str]()
            while parts:
                part = parts.pop(0)
                loop_guard.mark(part.is_own)
                rejected += await self._pipeline.handle(part)
                del part
            progress.add(rejected)
        return progress.rejected
