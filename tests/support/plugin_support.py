"""Plugins in tests: a context, and batches of events."""

import logging
from pathlib import Path
from typing import Any

from sidecar.otlp.batch import Batch
from sidecar.plugin import Context, Factory, Plugin
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.clock import FakeClock


def build(factory: Factory, data: Path, clock: FakeClock, **settings: str) -> tuple[Plugin, Metrics]:
    """Build a plugin from settings named as after its prefix, with metrics to look at."""
    prefix, metrics = f"CHATTRAIL_{factory.config.prefix}_", Metrics()
    config = factory.config.load({f"{prefix}{name}": value for name, value in settings.items()})
    context = Context(clock, logging.getLogger(f"sidecar.{factory.name}"), metrics, data)
    return factory.build(config, context), metrics


def events(*types: str, clock: FakeClock, **attributes: Any) -> Batch:
    """Make a batch of events of these types that happen now, all with the same attributes."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    records = [otlp.event(type_, at=clock.time_ns(), attributes=named) for type_ in types]
    return Batch.parse(otlp.request(*records), clock.now())
