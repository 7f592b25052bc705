"""A stranger's optional plugin that raises, hangs or blocks its event loop: events are acknowledged as if it were not."""

import asyncio
import contextlib
import gc
import logging
import threading
import time
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sidecar.errors import RetryableError, StartError
from sidecar.otlp.batch import Batch
from sidecar.pipeline import pipeline as pipeline_module
from sidecar.pipeline.pipeline import Pipeline, Stage
from sidecar.plugin import Clock
from sidecar.receiver.responses import PROTOBUF
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.receivers import Recorder, Running, SidecarProcess, receiving, until


class MisbehavingPlugin:
    """Misbehaves in `where` until released, in a chosen manner."""

    events: frozenset[str] | None = frozenset({"command"})

    def __init__(self, manner: str, where: str = "handle") -> None:
        self.manner, self.where = manner, where
        self.released = threading.Event()
        self.entered = 0
        self.handled: list[Batch] = []
        self.threads: set[int] = set()

    async def start(self) -> None:
        await self._suffer("start")

    async def handle(self, batch: Batch) -> None:
        self.entered += 1
        self.threads.add(threading.get_ident())
        await self._suffer("handle")
        self.handled.append(batch)

    async def shutdown(self) -> None:
        await self._suffer("shutdown")

    async def _suffer(self, where: str) -> None:
        if where != self.where or self.released.is_set():
            return
        match self.manner:
            case "blocks":
                self.released.wait(60)  # the fault under test
            case "spins":
                while not self.released.is_set():
                    pass
            case "hangs":
                await asyncio.Event().wait()
            case "raises":
                raise RuntimeError("private words")
            case "cancels":
                raise asyncio.CancelledError
            case "exits":
                raise SystemExit(3)


@contextlib.asynccontextmanager
async def beside(
    rude: MisbehavingPlugin, limit_s: float = 0.2
) -> AsyncIterator[tuple[Running, Recorder, aiohttp.ClientSession]]:
    required = Recorder()
    stages = (Stage("required", required, True), Stage("rude", rude, False))
    try:
        async with (
            receiving(*stages, optional_time_limit_s=limit_s) as running,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        ):
            try:
                yield running, required, session
            finally:
                rude.released.set()
    finally:
        rude.released.set()


async def send(running: Running, session: aiohttp.ClientSession) -> None:
    """Send an event, and wait until it is acknowledged."""
    body = otlp.request(otlp.event("command"))
    async with session.post(running.logs, data=body, headers={"Content-Type": PROTOBUF}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("manner", "outcome"),
    [
        ("raises", "error"),
        ("hangs", "timeout"),
        ("blocks", "timeout"),
        ("spins", "timeout"),
        ("cancels", "error"),
        ("exits", "error"),
    ],
)
async def test_a_rude_plugin_is_counted_and_delays_no_ack(
    manner: str, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    rude = MisbehavingPlugin(manner)
    async with beside(rude) as (running, required, session):
        await send(running, session)
        await until(lambda: rude.entered == 1)
        for _ in range(10):  # while it misbehaves: it would hold an acknowledgement back for ever
            await send(running, session)
        assert len(required.batches) == 11
        # each batch is given up after its time limit, and counted, also while nothing comes back from the thread
        await until(
            lambda: running.metrics.value(telemetry.PLUGIN_FAILURES, plugin="rude", outcome=outcome) >= 2, within_s=20
        )
        rude.released.set()
        await send(running, session)
        await until(lambda: rude.handled, within_s=20)  # it goes on once it behaves
    assert threading.get_ident() not in rude.threads
    assert "private words" not in caplog.text


async def test_negative_control_on_the_receivers_loop_it_holds_acks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "PluginThread", lambda name, plugin, logger: plugin)
    rude, held_s = MisbehavingPlugin("blocks"), 1.0
    async with beside(rude) as (running, _, session):
        first = asyncio.create_task(send(running, session))
        threading.Timer(held_s, rude.released.set).start()
        began = time.monotonic()
        while not rude.released.is_set():
            await asyncio.sleep(0)
            if rude.entered:
                break
        await send(running, session)
        assert time.monotonic() - began >= held_s * 0.9
        await first
        await until(lambda: rude.handled)
    assert rude.threads == {threading.get_ident()}


@pytest.mark.parametrize("manner", ["blocks", "hangs", "raises"])
async def test_one_that_never_starts_delays_neither_acks_nor_readiness(manner: str) -> None:
    rude = MisbehavingPlugin(manner, "start")
    async with beside(rude) as (running, required, session):
        for _ in range(3):
            await send(running, session)
        assert running.pipeline.ready
        assert running.pipeline.reasons()["rude"]
        assert len(required.batches) == 3
        if manner != "hangs":  # what came before it was up is kept for it, within its queue
            rude.released.set()
            await until(lambda: len(rude.handled) == 3)


@pytest.mark.parametrize("manner", ["blocks", "hangs", "raises", "exits"])
async def test_one_that_will_not_shut_down_is_left_behind(manner: str, caplog: pytest.LogCaptureFixture) -> None:
    rude = MisbehavingPlugin(manner, "shutdown")
    async with beside(rude) as (running, required, session):
        await send(running, session)
        await until(lambda: rude.handled)
        await running.pipeline.drain(0.2)
        assert required.shutdowns == 1
    assert "plugin rude did not shut down cleanly" in caplog.text


async def test_batches_given_up_are_let_go_of_while_the_thread_is_blocked() -> None:
    rude, metrics = MisbehavingPlugin("blocks"), Metrics()
    pipeline = Pipeline(
        [Stage("rude", rude, False)], Clock(), metrics, logging.getLogger("x"), optional_time_limit_s=0.01
    )
    pipeline.start()
    kept: list[weakref.ref[Batch]] = []
    for _ in range(20):
        batch = Batch.parse(otlp.request(otlp.event("command")), Clock().now())
        kept.append(weakref.ref(batch))
        await pipeline.handle(batch)
    del batch
    await until(lambda: metrics.value(telemetry.PLUGIN_FAILURES, plugin="rude", outcome="timeout") == 20)
    gc.collect()
    assert sum(ref() is not None for ref in kept) <= 2, "only what the blocked call itself holds"
    rude.released.set()
    await pipeline.drain(5)


async def test_a_plugin_whose_wishes_are_wrong_is_told_at_start() -> None:
    for wrong in (["command"], "command"):
        rude = MisbehavingPlugin("raises")
        rude.events = wrong  # type: ignore[assignment]
        with pytest.raises(StartError, match="plugin rude: its `events` must be a frozenset"):
            Pipeline([Stage("rude", rude, False)], Clock(), Metrics(), logging.getLogger("x"))


async def test_retryable_comes_through_the_thread_with_its_wait() -> None:
    recorder = Recorder()
    recorder.raises = RetryableError("later", after=0.01)
    async with receiving(Stage("flaky", recorder, False)) as running, aiohttp.ClientSession() as session:
        await send(running, session)
        await until(lambda: recorder.entered == 2)
        recorder.raises = None
        await until(lambda: recorder.batches)


STUCK = """
import asyncio, time
from typing import ClassVar
from common.settings import Settings
from sidecar.plugin import Factory

class StuckSettings(Settings):
    "How."
    prefix: ClassVar[str] = "SIDECAR_STUCK"
    manner: str

class Stuck:
    events = None
    def __init__(self, settings, context):
        self.manner = settings.manner
    async def start(self): pass
    async def handle(self, batch):
        print("stuck now", flush=True)
        if self.manner == "blocks":
            time.sleep(600)
        await asyncio.to_thread(time.sleep, 600)
    async def shutdown(self): pass

FACTORY = Factory(name="stuck", config=StuckSettings, build=Stuck, required=False)
"""


@pytest.mark.parametrize("manner", ["blocks", "waits for a thread"])
async def test_a_stuck_plugin_does_not_keep_the_process(manner: str, tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(STUCK, encoding="utf-8")
    settings = {
        "PLUGINS": "debug,stuck",
        "PLUGINS_DIR": str(tmp_path),
        "STUCK_MANNER": manner,
        "DRAIN_TIMEOUT_S": "0.5",
    }
    with SidecarProcess(**settings) as sidecar:
        url = await sidecar.ready()
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                body = otlp.request(otlp.event("command"))
                async with session.post(f"{url}/v1/logs", data=body, headers={"Content-Type": PROTOBUF}) as answer:
                    assert answer.status == 200
        await until(lambda: "stuck now" in sidecar.text)
        assert sidecar.end(timeout=30) == 0
        assert "sidecar ended" in sidecar.text


async def test_what_waits_for_a_plugin_that_never_started_is_counted_as_dropped() -> None:
    rude = MisbehavingPlugin("hangs", "start")
    async with beside(rude) as (running, _, session):
        for _ in range(3):
            await send(running, session)
        await running.pipeline.drain(0.1)
        assert running.metrics.value(telemetry.PLUGIN_DROPPED, plugin="rude") == 3
