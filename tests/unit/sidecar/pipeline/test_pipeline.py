"""The pipeline: who holds back the ack, who doesn't, and how failures of several plugins add up."""

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from sidecar.errors import PermanentError, RetryableError, StartError
from sidecar.otlp.batch import Batch
from sidecar.pipeline.optional import OptionalPlugin
from sidecar.pipeline.pipeline import Pipeline, Stage
from sidecar.plugin import Clock
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.receivers import Recorder, until

LOGGER = logging.getLogger("sidecar")


def batch(*types: str) -> Batch:
    return Batch.parse(otlp.request(*(otlp.event(name) for name in types)), datetime.now(UTC))


async def started(*stages: Stage, time_limit_s: float = 5.0) -> tuple[Pipeline, Metrics]:
    metrics = Metrics()
    pipeline = Pipeline(stages, Clock(), metrics, LOGGER, time_limit_s=time_limit_s)
    pipeline.start()
    await asyncio.wait_for(pipeline.started(), 5)
    return pipeline, metrics


async def test_the_ack_waits_for_every_required_plugin_and_for_no_optional_one() -> None:
    quick, slow, optional = Recorder(), Recorder(), Recorder()
    slow.latch.clear()
    optional.latch.clear()
    pipeline, _ = await started(
        Stage("quick", quick, True), Stage("slow", slow, True), Stage("optional", optional, False)
    )
    ack = asyncio.create_task(pipeline.handle(batch("command")))
    await until(lambda: quick.batches and slow.entered)
    assert not ack.done()
    slow.latch.set()
    await asyncio.wait_for(ack, 5)
    assert optional.batches == []
    optional.latch.set()
    await until(lambda: optional.batches)
    await pipeline.drain(5)


async def test_a_plugin_gets_only_batches_with_events_it_wants() -> None:
    picky, all_of_them = Recorder(frozenset({"image_generated"})), Recorder()
    pipeline, _ = await started(Stage("picky", picky, True), Stage("all", all_of_them, True))
    await pipeline.handle(batch("command"))
    await pipeline.handle(batch("command", "image_generated"))
    assert (len(picky.batches), len(all_of_them.batches)) == (1, 2)
    assert [event.type for event in picky.batches[0].events(picky.events or frozenset())] == ["image_generated"]
    await pipeline.drain(5)


async def test_one_plugins_permanent_does_not_cost_another_the_batch() -> None:
    refusing, absent = Recorder(), Recorder()
    refusing.raises, absent.raises = PermanentError("never"), RetryableError("later", after=7)
    pipeline, metrics = await started(Stage("refusing", refusing, True), Stage("absent", absent, True))
    with pytest.raises(RetryableError, match="absent: later") as caught:
        await pipeline.handle(batch("command"))
    assert caught.value.after == 7
    absent.raises = None
    with pytest.raises(PermanentError, match="refusing: never"):
        await pipeline.handle(batch("command"))
    assert metrics.value(telemetry.PLUGIN_FAILURES, plugin="refusing", outcome="permanent") == 2
    await pipeline.drain(5)


async def test_a_hanging_required_plugin_is_retryable() -> None:
    hanging = Recorder()
    hanging.latch.clear()
    pipeline, metrics = await started(Stage("hanging", hanging, True), time_limit_s=0.05)
    with pytest.raises(RetryableError, match="hanging: no answer within"):
        await pipeline.handle(batch("command"))
    assert metrics.value(telemetry.PLUGIN_FAILURES, plugin="hanging", outcome="timeout") == 1
    assert not pipeline.ready
    await pipeline.drain(5)


@pytest.mark.parametrize("error", [RuntimeError("secret"), PermanentError("no"), RetryableError("later", after=0)])
async def test_a_failing_optional_plugin_is_counted_and_nothing_else(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    failing, required = Recorder(), Recorder()
    failing.raises = error
    pipeline, metrics = await started(Stage("failing", failing, False), Stage("required", required, True))
    await pipeline.handle(batch("command"))
    await pipeline.handle(batch("persona_selected"))
    tries = 3 if isinstance(error, RetryableError) else 1
    await until(lambda: failing.entered == 2 * tries)
    failures = {"RuntimeError": "error", "PermanentError": "permanent", "RetryableError": "retryable"}[
        type(error).__name__
    ]
    await pipeline.drain(5)
    assert metrics.value(telemetry.PLUGIN_FAILURES, plugin="failing", outcome=failures) == 2 * tries
    assert len(required.batches) == 2
    assert "secret" not in caplog.text


async def test_an_optional_plugins_full_queue_drops_and_counts() -> None:
    plugin, metrics = Recorder(), Metrics()
    plugin.latch.clear()
    one = batch("command")
    optional = OptionalPlugin("slow", plugin, metrics, LOGGER, queue_bytes=2 * len(one.body), time_limit_s=5)
    optional.start()
    for _ in range(5):
        optional.offer(one)
    assert metrics.value(telemetry.PLUGIN_DROPPED, plugin="slow") == 3
    plugin.latch.set()
    await optional.stop(5)
    assert len(plugin.batches) == 2


async def test_an_optional_plugin_that_hangs_is_timed_out_and_goes_on() -> None:
    plugin, metrics = Recorder(), Metrics()
    plugin.latch.clear()
    optional = OptionalPlugin("hanging", plugin, metrics, LOGGER, time_limit_s=0.05)
    optional.start()
    optional.offer(batch("command"))
    await until(lambda: metrics.value(telemetry.PLUGIN_FAILURES, plugin="hanging", outcome="timeout") == 1)
    plugin.latch.set()
    optional.offer(batch("command"))
    await until(lambda: plugin.batches)
    await optional.stop(5)


async def test_start_is_tried_again_until_it_succeeds_and_a_surprise_hides_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugin = Recorder()
    plugin.start_raises = [RetryableError("away", after=0.01), OSError("http://user:secret@host")]
    pipeline, _ = await started(Stage("late", plugin, True))
    assert pipeline.ready
    assert "away" in caplog.text
    assert "OSError" in caplog.text
    assert "secret" not in caplog.text
    await pipeline.drain(5)


async def test_a_start_that_swallows_its_cancellation_does_not_hold_up_the_end() -> None:
    class Deaf(Recorder):
        async def start(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise OSError("refused") from None

    plugin = Deaf()
    pipeline = Pipeline([Stage("deaf", plugin, True)], Clock(), Metrics(), LOGGER)
    pipeline.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(pipeline.drain(60), 5)
    assert plugin.shutdowns == 1


@pytest.mark.parametrize("error", [PermanentError("wrong password"), StartError("wrong password")])
async def test_a_required_plugin_that_can_never_start_is_a_failure(error: Exception) -> None:
    plugin = Recorder()
    plugin.start_raises = [error]
    pipeline = Pipeline([Stage("broken", plugin, True)], Clock(), Metrics(), LOGGER)
    pipeline.start()
    failure = await asyncio.wait_for(asyncio.shield(pipeline.failure), 5)
    assert "plugin broken can't start: wrong password" in str(failure)
    await pipeline.drain(1)
    assert plugin.shutdowns == 1


async def test_a_batch_that_outlives_the_drain_is_retryable_for_its_sender() -> None:
    stuck = Recorder()
    stuck.latch.clear()
    pipeline, _ = await started(Stage("stuck", stuck, True), time_limit_s=60)
    sender = asyncio.create_task(pipeline.handle(batch("command")))
    await until(lambda: stuck.entered)
    await pipeline.drain(0.05)
    with pytest.raises(RetryableError):
        await sender
    with pytest.raises(RetryableError, match="shutting down"):
        await pipeline.handle(batch("command"))


async def test_a_sender_that_gives_up_does_not_stop_the_batch_for_the_other() -> None:
    plugin = Recorder()
    plugin.latch.clear()
    pipeline, _ = await started(Stage("sink", plugin, True))
    shared = batch("command")
    first, second = asyncio.create_task(pipeline.handle(shared)), asyncio.create_task(pipeline.handle(shared))
    await until(lambda: plugin.entered == 1)
    first.cancel()
    plugin.latch.set()
    await asyncio.wait_for(second, 5)
    assert first.cancelled()
    assert len(plugin.batches) == 1
    await pipeline.drain(5)
