"""Starts services in order, watches them, and ends them in reverse order within a deadline."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

from stack.memory import MemoryMeter
from stack.ports import require_free_ports
from stack.process import Running, Service, StackError, kill_group, start

READY_TIMEOUT_S = 60.0
STOP_DEADLINE_S = 4.5  # Ctrl-C ends everything within five seconds
SAMPLE_EVERY_S = 2.0


class StoppedError(Exception):
    """The start was given up, as the user asked."""


class Supervisor:
    """The running stack. Use `started` to have it ended whatever happens."""

    def __init__(self, logs: Path, console: Console) -> None:
        self._logs = logs
        self._console = console
        self.running: list[Running] = []
        self.helpers: dict[str, int] = {}  # processes started beside the services, whose memory counts too
        self.memory = MemoryMeter()

    @asynccontextmanager
    async def started(self, services: list[Service], stop: asyncio.Event) -> AsyncIterator[None]:
        """Start the services, each as soon as those it comes after are ready; end them all on the way out.

        Raises StoppedError when `stop` is set before all are ready.
        """
        require_free_ports(services)
        ready = {service.name: asyncio.Event() for service in services}
        try:
            with self._console.status("Starting …") as status:
                async with asyncio.TaskGroup() as group:
                    stopped = group.create_task(_raise_when(stop))
                    await asyncio.wait([group.create_task(self._start(service, ready, status)) for service in services])
                    stopped.cancel()
            yield
        except* (StackError, StoppedError) as failures:
            # The first is the cause: what depended on it failed after it
            raise failures.exceptions[0] from None
        finally:
            await self._stop()

    async def _start(self, service: Service, ready: dict[str, asyncio.Event], status: Status) -> None:
        for name in service.after:
            if name in ready:
                await ready[name].wait()
        running = await start(service, self._logs)
        self.running.append(running)
        self._show_waiting(status, ready)
        seconds = await running.wait_ready(READY_TIMEOUT_S)
        ready[service.name].set()
        self._show_waiting(status, ready)
        where = f" on port {service.port}" if service.port else ""
        self._console.print(f"  [green]✓[/] {service.title}{where}, ready in {seconds:.1f} s", highlight=False)

    def _show_waiting(self, status: Status, ready: dict[str, asyncio.Event]) -> None:
        titles = [one.service.title for one in self.running if not ready[one.service.name].is_set()]
        status.update(f"Starting {', '.join(titles) or '…'}")

    async def watch(self, stop: asyncio.Event, work: asyncio.Task[None] | None = None) -> None:
        """Return when `stop` is set. Raises StackError when a service ends by itself, and whatever `work` raises.

        `work` runs beside the services and is cancelled at the end.
        """
        asked = asyncio.create_task(stop.wait())
        ended: dict[asyncio.Task[Any], Running] = {
            asyncio.create_task(running.process.wait()): running for running in self.running
        }
        waited: set[asyncio.Task[Any]] = {asked, *ended, *([work] if work else [])}
        try:
            while not asked.done():
                self._sample()
                done, _ = await asyncio.wait(waited, timeout=SAMPLE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done & ended.keys():
                    raise ended[task].ended()
                if work in done:
                    work.result()
                    waited.discard(work)
        finally:
            for task in waited:
                task.cancel()
            await asyncio.wait(waited)

    def _sample(self) -> None:
        services = {running.service.name: running.process.pid for running in self.running}
        self.memory.sample(services, self.helpers)

    async def _stop(self) -> None:
        """End the stages from the highest to the lowest, so that what is on its way still arrives."""
        self._sample()
        deadline = time.monotonic() + STOP_DEADLINE_S
        stubborn = []
        for stage in sorted({running.service.stage for running in self.running}, reverse=True):
            members = [running for running in self.running if running.service.stage == stage]
            # each later stage keeps a second of the time that is left for itself
            grace = max(deadline - time.monotonic() - stage * 0.8, 0.3)
            results = await asyncio.gather(*(running.stop(grace) for running in members))
            stubborn += [running.service.title for running, clean in zip(members, results, strict=True) if not clean]
        for running in self.running:
            kill_group(running.process.pid)
        self.running.clear()
        if stubborn:
            self._console.print(f"[yellow]Had to be killed:[/] {', '.join(stubborn)}")


async def _raise_when(stop: asyncio.Event) -> None:
    await stop.wait()
    raise StoppedError
