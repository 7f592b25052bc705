"""A receiver on a free port with plugins under a test's control, and the real sidecar as a process."""

import asyncio
import contextlib
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self

from aiohttp import web

from sidecar.otlp.batch import Batch
from sidecar.pipeline.pipeline import Pipeline, Stage
from sidecar.plugin import Clock
from sidecar.receiver.app import Receiver, runner
from sidecar.settings import SidecarSettings
from sidecar.telemetry.metrics import Metrics
from tests.support.paths import ROOT


class Latch:
    """An event that any thread may set and any thread's loop may wait for: optional plugins live on other loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def clear(self) -> None:
        self._open = False

    def set(self) -> None:
        with self._lock:
            self._open, waiting, self._waiting = True, self._waiting, []
        for loop, event in waiting:
            if not loop.is_closed():  # one that was timed out has gone
                loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        with self._lock:
            if self._open:
                return
            event = asyncio.Event()
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()


class Recorder:
    """A plugin that keeps what it gets. `latch` holds `handle` back while it is cleared; `raises` is raised instead."""

    def __init__(self, events: frozenset[str] | None = None) -> None:
        self.events = events
        self.batches: list[Batch] = []
        self.entered = 0
        self.latch = Latch()
        self.raises: BaseException | None = None
        self.start_raises: list[Exception] = []
        self.shutdowns = 0

    async def start(self) -> None:
        if self.start_raises:
            raise self.start_raises.pop(0)

    async def handle(self, batch: Batch) -> None:
        self.entered += 1
        await self.latch.wait()
        if self.raises is not None:
            raise self.raises
        self.batches.append(batch)

    async def shutdown(self) -> None:
        self.shutdowns += 1


class Running:
    """A receiver that listens: its address, pipeline and metrics."""

    def __init__(self, url: str, pipeline: Pipeline, metrics: Metrics) -> None:
        self.url = url
        self.logs = f"{url}/v1/logs"
        self.pipeline = pipeline
        self.metrics = metrics


@contextlib.asynccontextmanager
async def receiving(
    *stages: Stage, wait: bool = True, time_limit_s: float = 60.0, optional_time_limit_s: float = 30.0, **given: Any
) -> AsyncIterator[Running]:
    """Run a receiver in this process; `given` are fields of SidecarSettings. `wait` until required plugins are up."""
    settings = SidecarSettings(**given)
    clock, metrics, logger = Clock(), Metrics(), logging.getLogger("sidecar")
    pipeline = Pipeline(
        stages, clock, metrics, logger, time_limit_s=time_limit_s, optional_time_limit_s=optional_time_limit_s
    )
    http = runner(Receiver(pipeline, settings, clock, metrics, logger))
    await http.setup()
    await web.TCPSite(http, "127.0.0.1", 0).start()
    pipeline.start()
    try:
        if wait:
            await asyncio.wait_for(pipeline.started(), 10)
        yield Running(f"http://127.0.0.1:{http.addresses[0][1]}", pipeline, metrics)
    finally:
        for stage in stages:
            if isinstance(stage.plugin, Recorder):
                stage.plugin.latch.set()
        await pipeline.drain(5)
        await http.cleanup()


async def until(condition: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait until a condition holds; fails when it doesn't within the limit."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 -- conditions of other processes have no event
            await asyncio.sleep(0.01)


def quiet_port() -> int:
    """A port for a server that will be stopped and started again: below the range that outgoing connections take from."""
    while True:
        with contextlib.closing(socket.socket()) as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(trial.getsockname()[1])


class SidecarProcess:
    """`python -m sidecar` with settings by their names after CHATTRAIL_SIDECAR_; PORT is free unless given."""

    def __init__(
        self, arguments: Sequence[str] = (), program: Sequence[str] = ("-m", "sidecar"), **settings: str
    ) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
        given = {"PORT": "0", **settings}
        self.output: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=ROOT,
            env=plain | {f"CHATTRAIL_SIDECAR_{name}": value for name, value in given.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def text(self) -> str:
        return "".join(self.output)

    async def listening(self) -> str:
        """The address it listens on, once it does."""
        return await self._told(r"listening on (http://\S+)")

    async def ready(self) -> str:
        """The address of the ready line, once it is printed."""
        return await self._told(r"sidecar is ready: POST (http://\S+)/v1/logs")

    def end(self, number: signal.Signals = signal.SIGTERM, timeout: float = 60.0) -> int:
        """Signal it and return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit code, when it ends by itself."""
        code = self._process.wait(timeout)
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    async def _told(self, pattern: str) -> str:
        await until(lambda: re.search(pattern, self.text) or not self.running, within_s=60)
        found = re.search(pattern, self.text)
        assert found, f"the sidecar ended:\n{self.text}"
        return found[1]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
