"""One child process: its log file, when it is ready, and how it ends."""

import asyncio
import ctypes
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
# glibc's allocator keeps eight heaps a core, and the memory of freed bodies; with these it gives memory back
FRUGAL_MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
LOG_LIMIT = 20_000_000  # bytes; a longer log begins anew


@dataclass(frozen=True, slots=True)
class Service:
    """What to start. It is ready when `ready_url` answers 200, or else when its log contains `ready_line`."""

    name: str
    title: str
    argv: list[str]
    env: Mapping[str, str]
    stage: int  # services of a higher stage end first
    after: tuple[str, ...] = ()  # names of services that must be ready before it is started
    ports: Mapping[str, int] = field(default_factory=dict)  # by the variable that sets each; the main one first
    ready_url: str = ""
    ready_line: str = ""

    @property
    def port(self) -> int | None:
        """The main port."""
        return next(iter(self.ports.values()), None)


class StackError(Exception):
    """The stack can't run; the message names the part, and what to do."""


@dataclass(slots=True)
class Running:
    """A started service."""

    service: Service
    process: asyncio.subprocess.Process
    log: Path
    log_start: int
    started_at: float = field(default_factory=time.monotonic)

    async def wait_ready(self, timeout_s: float) -> float:
        """Wait until it is ready and return the seconds it took. Raises StackError when it ends or takes too long."""
        while not await self._is_ready():
            if self.process.returncode is not None:
                raise self.ended()
            if time.monotonic() > self.started_at + timeout_s:
                raise StackError(
                    f"{self.service.title} was not ready after {timeout_s:.0f} s; its log is {self.log}\n{self.tail()}"
                )
            await asyncio.sleep(0.05)
        return time.monotonic() - self.started_at

    async def _is_ready(self) -> bool:
        if self.service.ready_url:
            return await asyncio.to_thread(answers, self.service.ready_url)
        return self.service.ready_line in self._output()

    def ended(self) -> StackError:
        """Build the error for a service that ended by itself."""
        code = self.process.returncode
        return StackError(f"{self.service.title} ended with code {code}; its log is {self.log}\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log since this start."""
        return "\n".join(f"    {line}" for line in self._output().splitlines()[-lines:])

    def _output(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    async def stop(self, grace_s: float) -> bool:
        """Terminate it, kill its process group after `grace_s` seconds. Returns whether it ended by itself."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), max(grace_s, 0.05))
            return True
        except TimeoutError:
            return False
        finally:
            kill_group(self.process.pid)
            await self.process.wait()


async def start(service: Service, logs: Path) -> Running:
    """Start a service in a process group of its own, with its output in `logs`/<name>.log."""
    log = _log_file(logs, service.name)
    with log.open("ab") as output:
        begin = output.tell()
        process = await asyncio.create_subprocess_exec(
            *service.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**FRUGAL_MEMORY, **os.environ, **service.env},
            start_new_session=True,  # Ctrl-C reaches the launcher only, which ends the parts in order
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
    return Running(service, process, log, begin)


def _log_file(logs: Path, name: str) -> Path:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()
    return log


def answers(url: str) -> bool:
    """Whether a GET of a loopback address is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (a loopback address of our own)
            return bool(response.status == 200)
    except OSError:
        return False


def kill_group(pid: int) -> None:
    """Kill the rest of a process group, workers of workers included."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def die_with_parent() -> None:
    """Make the kernel end this child should the launcher be killed outright."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
