"""Plugins in tests: a clock that is set, a context, and batches of events."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sidecar.otlp.batch import Batch
from sidecar.plugin import Clock, Context, Factory, Plugin
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class SetClock(Clock):
    """A clock that stands still until it is moved on."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._steady = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._steady

    def pass_(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._steady += seconds

    @property
    def ns(self) -> int:
        return int(self._now.timestamp() * 1e9)


def build(factory: Factory, data: Path, clock: SetClock, **settings: str) -> tuple[Plugin, Metrics]:
    """Build a plugin from settings named as after its prefix, with metrics to look at."""
    prefix, metrics = f"CHATTRAIL_{factory.config.prefix}_", Metrics()
    config = factory.config.load({f"{prefix}{name}": value for name, value in settings.items()})
    context = Context(clock, logging.getLogger(f"sidecar.{factory.name}"), metrics, data)
    return factory.build(config, context), metrics


def events(*types: str, clock: SetClock, **attributes: Any) -> Batch:
    """Make a batch of events of these types that happen now, all with the same attributes."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    records = [otlp.event(type_, at=clock.ns, **named) for type_ in types]
    return Batch.parse(otlp.request(*records), clock.now())
