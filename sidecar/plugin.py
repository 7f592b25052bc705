"""What a sidecar plugin is, and what it is given.

Life of a plugin: `Factory.build` makes it from its checked settings, without I/O. `start` is awaited until it
succeeds: when it raises RetryableError (or anything unforeseen) the sidecar waits and tries again, answers 503 and says why
on /readyz; PermanentError ends the process. Then `handle` is called for each batch, several at a time. `shutdown` comes once
no batch is in flight, and may come again, or without a start: it is idempotent, safe before `start`, and flushes or
persists what is left.
"""

import logging
import pkgutil
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from common.settings import Settings
from sidecar.otlp.batch import Batch
from sidecar.telemetry.metrics import Metrics


class Clock:
    """Where plugins take the time from: the machine's clock. Tests derive one that they set."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back, for deadlines and intervals."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Context:
    """What the sidecar hands to a plugin. `data_directory` is the plugin's own; make it in `start` if you need it."""

    clock: Clock
    logger: logging.Logger
    metrics: Metrics
    data_directory: Path


class Plugin(Protocol):
    """Something that takes batches. The top of this module describes its life."""

    @property
    def events(self) -> frozenset[str] | None:
        """Types of events it reads with `batch.events`; it gets only batches that hold some. None: every batch, raw."""
        ...

    async def start(self) -> None:
        """Open connections and check the peer. Raise RetryableError while it isn't there, PermanentError if it never will be."""
        ...

    async def handle(self, batch: Batch) -> None:
        """Return only once the batch is durable here. Tolerate redelivery.

        Raise RetryableError(reason, after=seconds) or PermanentError(reason); anything else counts as RetryableError.
        """
        ...

    async def shutdown(self) -> None:
        """Flush or persist, close. Idempotent, safe before `start`."""
        ...


def imported_on_call(path: str) -> Callable[..., Any]:
    """Return a function that imports `module:name` and calls it: a plugin's libraries load only where it is used."""
    return lambda *given: pkgutil.resolve_name(path)(*given)


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand of `python -m sidecar` that a built-in plugin brings.

    `run` takes what was parsed, the plugin's checked settings and its folder, and returns the exit code.
    """

    name: str
    help: str
    run: Callable[[Namespace, Any, Path], int]
    arguments: Callable[[ArgumentParser], None] = lambda _parser: None


@dataclass(frozen=True, slots=True)
class Factory:
    """How the registry knows a plugin.

    A required one holds back the ack, on the receiver's own loop: it must never block. Another gets batches after the
    ack, on a thread with a loop of its own (`start`, `handle`, `shutdown`; `build` runs before), timed out and counted.
    """

    name: str
    config: type[Settings]
    build: Callable[[Any, Context], Plugin]
    required: bool = True
    commands: tuple[Command, ...] = ()
