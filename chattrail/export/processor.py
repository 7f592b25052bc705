"""A batch processor that keeps count: every event emitted is exported, dropped for a named reason, or queued.

The SDK's own batch processor drops silently, forgets a batch whose export failed, and cannot be stopped within a given
time. This one holds on to a batch while the collector is away, drops the oldest when memory is full, isolates what
the collector rejects, and keeps its deadline.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from opentelemetry.sdk.resources import Resource

from chattrail.clock import is_seen_before
from chattrail.export.logrecord import Encoded, LogRecords, Packed, add_losses, encoded_at_once, pack
from chattrail.export.otel import suppressed_instrumentation
from chattrail.export.process_end_reports import ProcessEndReports
from chattrail.export.sequence_file import SequenceFile
from chattrail.export.transport import ExportResult, ExportStatus, Transport
from chattrail.forks import after_fork_in_child
from chattrail.rate_limited_log import RateLimitedLog, error_location
from chattrail.record import Counts, Record

_logger = logging.getLogger("chattrail")
_log = RateLimitedLog(_logger)

_CLOSING_TIME = 0.4  # seconds of the shutdown that are kept for closing the connection

WhenFull: TypeAlias = Literal["drop_oldest", "wait"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait, and how much travels at once. Bytes are estimates of the encoded size."""

    queue_records: int = 8192
    queue_bytes: int = 64 * 1024 * 1024
    batch_records: int = 512
    batch_bytes: int = 2 * 1024 * 1024  # gRPC servers refuse a message above 4 MiB by default
    delay: float = 0.5  # seconds from one look into the queue to the next, unless a batch is full before
    retry: tuple[float, float] = (0.5, 15.0)  # seconds between attempts, from and to


class CountingBatchProcessor:
    """A tracker's sink: sends records in batches on a daemon thread, and counts the fate of each one."""

    def __init__(
        self,
        resource: Callable[[], Resource],
        connect: Callable[[], Transport],
        limits: Limits | None = None,
        when_full: WhenFull = "drop_oldest",
        sequence_file: SequenceFile | None = None,
    ) -> None:
        self._make_resource = resource
        self._resource: Resource | None = resource()
        self._connect = connect
        self._transport: Transport | None = connect()  # at once, so that wrong settings are an error at the start
        self._limits = limits or Limits()
        self._when_full = when_full
        self._sequence_file = sequence_file
        self._enabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        atexit.register(self.shutdown)
        self._begin()
        after_fork_in_child(self._begin_again)
        if self._reports.find():
            self._start()

    def _begin(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Packed | Encoded] = deque()
        self._bytes = 0
        self._sending = 0  # taken from the queue, not settled yet
        self._emitted = self._exported = 0
        self._losses: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._flushing = 0  # callers of flush who wait
        self._closing = self._aborted = self._closed = False
        self._failing = False
        self._reports = ProcessEndReports(self._sequence_file, self._limits.retry[1])

    def _begin_again(self) -> None:
        # The parent sends what was queued, and a shared connection would mix up their bytes. A child is another instance
        # of the service, too. Transport and resource are made again when they are needed, on the export thread.
        self._transport = self._resource = None
        self._begin()

    def emit(self, record: Record) -> None:
        """Queue a record; a full queue drops its oldest, or waits (for scripts that must lose nothing)."""
        if not self._enabled:
            return
        packed = self._pack(record)
        size = packed[0]
        with self._changed:
            while self._when_full == "wait" and self._is_full(size) and not self._closing:
                self._changed.wait()
            self._emitted += 1
            if self._closing:
                self._lose("shutdown", 1)
                return
            while self._is_full(size) and self._queue:
                self._bytes -= self._queue.popleft()[0]
                self._lose("queue_full", 1)
            if self._is_full(size):  # the batch that is being sent fills the memory
                self._lose("queue_full", 1)
            else:
                self._queue.append(packed)
                self._bytes += size
                # A first event does not wake the thread, which looks by itself: a wake-up would make this caller compete
                # for the interpreter's lock.
                if self._is_batch():
                    self._changed.notify_all()
            if self._thread is None:
                self._start()
        if "queue_full" in self._losses:
            _log.warning(
                "events are dropped, the oldest first: %d so far; the queue is full", self._losses["queue_full"]
            )

    def _pack(self, record: Record) -> Packed | Encoded:
        packed = pack(record)
        # What the export thread encodes makes handlers wait for the interpreter's lock. None waits for what is recorded later.
        if is_seen_before() and self._transport is not None and self._transport.takes_bytes:
            return encoded_at_once(packed)
        return packed

    def lose(self, reason: str) -> None:
        """Count an event that no record could be made of."""
        if not self._enabled:
            return
        with self._changed:
            self._emitted += 1
            self._lose(reason, 1)

    def counts(self) -> Counts:
        """Return one consistent look at the counters."""
        with self._changed:
            return Counts(self._emitted, self._exported, len(self._queue) + self._sending, dict(self._losses))

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until every record is exported or lost; False when the time was not enough."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)
            finally:
                self._flushing -= 1

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Send what is queued within `timeout` seconds and count the rest as lost; True when nothing was. Idempotent."""
        atexit.unregister(self.shutdown)
        deadline = time.monotonic() + timeout
        with self._changed:
            first, self._closing = not self._closing, True
            self._changed.notify_all()
            if not first:
                self._changed.wait_for(lambda: self._closed, timeout)
                return "shutdown" not in self._losses
            # The last attempt failed: make one more, and do not wait long.
            longest = min(timeout, 1.0) if self._failing else timeout
        if self._thread is not None:
            self._thread.join(max(0.0, longest - _CLOSING_TIME))
        self._close_transport(min(deadline, time.monotonic() + _CLOSING_TIME) - _CLOSING_TIME / 2)
        with self._changed:
            lost = len(self._queue) + self._sending
            if lost:
                self._lose("shutdown", lost)
            self._queue.clear()
            self._bytes = self._sending = 0
            self._closed = True
            self._changed.notify_all()
        if self._thread is None:
            self._reports.take_own_end()  # there was no event: this removes the file
        self._reports.clear()
        if lost:
            _logger.warning("%d events could not be delivered before the process ended", lost)
        return not lost

    def _close_transport(self, deadline: float) -> None:
        # On a thread of its own, so that a slow close cannot break the deadline.
        transport = self._transport
        self._aborted = True
        if transport is None:
            return
        closer = threading.Thread(target=transport.close, name="chattrail-close", daemon=True)
        threads = [closer] if self._thread is None else [closer, self._thread]
        try:
            closer.start()
        except RuntimeError:  # an interpreter that ends starts none: Python 3.12.1 does not at exit either
            threads.remove(closer)
            transport.close()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _is_full(self, size: int) -> bool:
        held = len(self._queue) + self._sending
        return held >= self._limits.queue_records or (held > 0 and self._bytes + size > self._limits.queue_bytes)

    def _is_due(self) -> bool:
        return self._is_batch() or self._closing or (self._flushing > 0 and bool(self._queue))

    def _is_batch(self) -> bool:
        return len(self._queue) >= self._limits.batch_records or self._bytes >= self._limits.batch_bytes

    def _lose(self, reason: str, how_many: int) -> None:
        self._losses[reason] = self._losses.get(reason, 0) + how_many
        if self._sequence_file is not None:
            self._sequence_file.write_losses(self._losses)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="chattrail-export", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending: the next event tries again
            return
        self._thread = thread

    def _work(self) -> None:
        with suppressed_instrumentation():  # an export is no part of the bot's traces
            while (batch := self._take()) is not None and (not batch or self._deliver(batch)):
                self._reports.send(self._send, self._target)

    def _take(self) -> list[Packed | Encoded] | None:
        """Wait for a batch and take it; an empty one means that a report is due, None that the end has come."""
        with self._changed:
            while True:
                self._changed.wait_for(self._is_due, self._limits.delay)
                if self._queue or self._closing or self._reports.due():
                    break
            if self._closing and not self._queue:
                return [] if self._reports.take_own_end() else None
            batch: list[Packed | Encoded] = []
            size = 0
            while self._queue and len(batch) < self._limits.batch_records:
                if batch and size + self._queue[0][0] > self._limits.batch_bytes:
                    break
                batch.append(self._queue.popleft())
                size += batch[-1][0]
            self._sending = len(batch)
            if batch and self._losses:  # now, so that a batch sent again is the same batch
                batch[-1] = add_losses(batch[-1], self._losses)
            return batch

    def _deliver(self, batch: list[Packed | Encoded]) -> bool:
        """Send a batch until it is accepted or refused. False: the end has come first."""
        pause, longest = self._limits.retry
        while True:
            last = self._closing
            result = self._send(batch)
            if result.status is ExportStatus.ACCEPTED:
                self._settle(batch, None)
                return True
            if self._aborted:  # the exporter was closed under it, so its refusal says nothing about the records
                return False
            if result.status is ExportStatus.REJECTED and len(batch) > 1:
                # One bad or oversized record is enough to have a batch refused: halving finds it, and saves the rest.
                half = len(batch) // 2
                return self._deliver(batch[:half]) and self._deliver(batch[half:])
            if result.status is not ExportStatus.RETRYABLE:
                self._settle(batch, "refused")
                _log.warning("events are lost, %s refused them: %s", self._target(), result.reason)
                return True
            with self._changed:
                self._failing = True
                waiting, lost = len(self._queue) + self._sending, sum(self._losses.values())
                if last:
                    return False
            _log.warning(
                "events wait for %s (%s): %d in memory, %d lost so far", self._target(), result.reason, waiting, lost
            )
            with self._changed:
                self._changed.wait_for(lambda: self._closing, max(pause, result.retry_after))
            pause = min(pause * 2, longest)

    def _send(self, batch: Sequence[Packed | Encoded]) -> ExportResult:
        try:
            self._transport = self._transport or self._connect()
            self._resource = resource = self._resource or self._make_resource()
            return self._transport.send(LogRecords(batch, resource))
        except Exception as error:  # what cannot be encoded, or a fault of an exporter: the records are suspect
            return ExportResult(ExportStatus.REJECTED, error_location(error))

    def _settle(self, batch: list[Packed | Encoded], reason: str | None) -> None:
        with self._changed:
            if self._closed:  # counted as lost when the time was up
                return
            self._sending -= len(batch)
            self._bytes -= sum(packed[0] for packed in batch)
            if reason is None:
                self._failing = False
                self._exported += len(batch)
            else:
                self._lose(reason, len(batch))
            self._changed.notify_all()

    def _target(self) -> str:
        return self._transport.target if self._transport is not None else "the collector"
