"""From an accepted batch to the ack: required plugins side by side, optional ones behind queues, each started and stopped once."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sidecar.errors import PermanentError, RetryableError, StartError
from sidecar.otlp.batch import Batch
from sidecar.pipeline.attempt import Failure, attempt
from sidecar.pipeline.dead_letter_alarm import DeadLetterAlarm
from sidecar.pipeline.optional import OptionalPlugin
from sidecar.pipeline.plugin_thread import PluginThread
from sidecar.plugin import Clock, Plugin
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

FIRST_BACKOFF_S = 0.25
LAST_BACKOFF_S = 5.0


@dataclass(slots=True)
class Stage:
    """A built plugin and how it fares. `reason` says why it is not ready, "" when it is."""

    name: str
    plugin: Plugin
    required: bool
    reason: str = "starting"
    started: bool = False
    refused_until: float = field(default=0.0)


class Pipeline:
    """Runs the plugins. `failure` resolves to a StartError when a required plugin can never start."""

    def __init__(
        self,
        stages: Sequence[Stage],
        clock: Clock,
        metrics: Metrics,
        logger: logging.Logger,
        *,
        time_limit_s: float = 60.0,
        optional_time_limit_s: float = 30.0,
    ) -> None:
        self.stages = [
            stage if stage.required else replace(stage, plugin=PluginThread(stage.name, stage.plugin, logger))
            for stage in stages
        ]
        self.failure: asyncio.Future[StartError] = asyncio.get_running_loop().create_future()
        self._clock = clock
        self._metrics = metrics
        self._logger = logger
        self._time_limit_s = time_limit_s
        self.dead_letter_alarm = DeadLetterAlarm(clock, metrics, logger)
        self.draining = False  # whether the sidecar is on its way out
        self._starting: list[asyncio.Task[None]] = []
        self._in_flight: dict[str, asyncio.Task[Counter[str]]] = {}
        self._optional = {
            stage.name: OptionalPlugin(stage.name, stage.plugin, metrics, logger, time_limit_s=optional_time_limit_s)
            for stage in self.stages
            if not stage.required
        }

    def start(self) -> None:
        """Begin to start every plugin and return; until the required ones are up, `handle` raises RetryableError."""
        self._starting = [
            asyncio.create_task(self._bring_up(stage), name=f"start {stage.name}") for stage in self.stages
        ]

    async def started(self) -> None:
        """Wait until every required plugin has started."""
        await asyncio.gather(*(task for task, stage in zip(self._starting, self.stages, strict=True) if stage.required))

    def reasons(self) -> dict[str, str]:
        """Why each plugin is not ready, by name; "" for one that is."""
        now = self._clock.monotonic()
        return {
            stage.name: "" if stage.started and now >= stage.refused_until else stage.reason for stage in self.stages
        }

    @property
    def ready(self) -> bool:
        """Whether a batch sent now should be stored: not draining, and no required plugin has a reason against it."""
        reasons = self.reasons()
        return not self.draining and not any(reasons[stage.name] for stage in self.stages if stage.required)

    async def handle(self, batch: Batch) -> Counter[str]:
        """Return once every required plugin has made the batch durable, with what they rejected of it by reason.

        Raises RetryableError or PermanentError.

        A body that is already in flight is not handled twice: its second sender waits for the same outcome.
        """
        if self.draining:
            raise RetryableError("the sidecar is shutting down")  # the next one may be up in a moment
        for stage in self.stages:
            if stage.required and not stage.started:
                after = stage.refused_until - self._clock.monotonic()  # it is tried again then
                raise RetryableError(f"plugin {stage.name} is not ready: {stage.reason}", after=after)
        return await self.once(batch.digest, lambda: self._run(batch))

    async def once(self, digest: str, work: Callable[[], Coroutine[None, None, Counter[str]]]) -> Counter[str]:
        """Do the work for a body, or wait for the outcome of what already does it for the same bytes."""
        if self.in_flight(digest):
            return await self.outcome(digest)
        self._in_flight[digest] = asyncio.create_task(work())
        self._in_flight[digest].add_done_callback(lambda done: self._landed(digest, done))
        return await _outcome(self._in_flight[digest])

    def in_flight(self, digest: str) -> bool:
        """Whether work for a body goes on."""
        return digest in self._in_flight

    async def outcome(self, digest: str) -> Counter[str]:
        """Wait for the outcome of the work that goes on for a body."""
        self._metrics.add(telemetry.COALESCED)
        return await _outcome(self._in_flight[digest])

    async def drain(self, time_limit_s: float) -> None:
        """Refuse new batches, finish those in flight within the limit, then shut every plugin down. Idempotent."""
        self.draining = True
        until = self._clock.monotonic() + time_limit_s
        for starting in self._starting:
            starting.cancel()
        if self._starting:
            await asyncio.wait(self._starting, timeout=time_limit_s)  # a plugin may be deaf to being cancelled
        if self._in_flight:
            _, late = await asyncio.wait(list(self._in_flight.values()), timeout=time_limit_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        left = max(0.1, until - self._clock.monotonic())
        await asyncio.gather(*(optional.stop(left) for optional in self._optional.values()))
        left = max(1.0, until - self._clock.monotonic())
        await asyncio.gather(*(self._shut_down(stage, left) for stage in self.stages))

    def _landed(self, digest: str, task: asyncio.Task[Counter[str]]) -> None:
        del self._in_flight[digest]
        if not task.cancelled():
            task.exception()  # read it, so that asyncio does not warn of an exception that nobody awaits

    async def _bring_up(self, stage: Stage) -> None:
        backoff = FIRST_BACKOFF_S
        while failure := await attempt(stage.plugin.start, None):
            if failure.outcome == "permanent":
                stage.reason = failure.reason
                self._logger.error("plugin %s can't start: %s", stage.name, stage.reason)
                if stage.required and not self.failure.done():
                    self.failure.set_result(StartError(f"plugin {stage.name} can't start: {stage.reason}"))
                await asyncio.Event().wait()  # stays down until the drain cancels it
            if self.draining:  # a client that failed just when it was cancelled may have raised only its own failure
                return
            reason = str(failure)
            wait = max(backoff, failure.after if failure.outcome == "retryable" else 0.0)
            if reason != stage.reason:
                self._logger.warning("plugin %s is not ready, trying again: %s", stage.name, reason)
            stage.reason = reason
            stage.refused_until = self._clock.monotonic() + wait
            await asyncio.sleep(wait)
            backoff = min(backoff * 2, LAST_BACKOFF_S)
        stage.started, stage.reason, stage.refused_until = True, "", 0.0
        if not stage.required:
            self._optional[stage.name].start()

    async def _run(self, batch: Batch) -> Counter[str]:
        wanted = [stage for stage in self.stages if batch.holds(stage.plugin.events)]
        failures = [
            failure
            for failure in await asyncio.gather(*(self._require(stage, batch) for stage in wanted if stage.required))
            if failure is not None
        ]
        # one plugin's PermanentError must not cost another plugin the batch: while any can still succeed, it is sent again
        if retryable := [failure for failure in failures if failure.outcome != "permanent"]:
            last = max(retryable, key=lambda failure: failure.after)
            raise RetryableError(last.reason, after=last.after)
        if failures:
            raise PermanentError(failures[0].reason)
        self._metrics.add(telemetry.RECEIVED_RECORDS, batch.record_count)
        self._metrics.add(telemetry.RECEIVED_BYTES, len(batch.body))
        if not batch.is_own:
            self.dead_letter_alarm.observe(batch.record_count)
        for stage in wanted:
            if not stage.required:
                self._optional[stage.name].offer(batch)
        return batch.rejected

    async def _require(self, stage: Stage, batch: Batch) -> Failure | None:
        failure = await attempt(partial(stage.plugin.handle, batch), self._time_limit_s)
        if failure is None:
            stage.refused_until, stage.reason = 0.0, ""
            self._metrics.add(telemetry.PLUGIN_BATCHES, plugin=stage.name)
            return None
        self._metrics.add(telemetry.PLUGIN_FAILURES, plugin=stage.name, outcome=failure.outcome)
        named = replace(failure, reason=f"{stage.name}: {failure.reason}")
        if failure.outcome == "permanent":
            return named
        if stage.reason != failure.reason:
            self._logger.warning("plugin %s refuses batches for now (%s): %s", stage.name, failure.outcome, failure)
        # not ready until the time it named has passed: after that only the next batch can show whether it is
        stage.reason = failure.reason
        stage.refused_until = self._clock.monotonic() + failure.after
        return named

    async def _shut_down(self, stage: Stage, time_limit_s: float) -> None:
        if failure := await attempt(stage.plugin.shutdown, time_limit_s):
            self._logger.error("plugin %s did not shut down cleanly: %s", stage.name, failure)


async def _outcome(task: asyncio.Task[Counter[str]]) -> Counter[str]:
    try:
        return await asyncio.shield(task)  # a sender that gives up doesn't stop what another may wait for
    except asyncio.CancelledError:
        if task.cancelled():
            raise RetryableError("the sidecar is shutting down") from None
        raise
    finally:
        del task  # its exception holds this frame, which would hold the task: neither were freed at once
