"""A plugin that logs what arrives: sizes and types, never contents. Choose it to see whether a sender gets through."""

import logging
from collections import Counter
from typing import ClassVar, Literal

from pydantic import Field

from common.settings import Settings
from sidecar.otlp.batch import Batch, records_of
from sidecar.plugin import Context, Factory


class DebugSettings(Settings):
    """How loud it is."""

    prefix: ClassVar[str] = "SIDECAR_DEBUG"

    level: Literal["DEBUG", "INFO"] = Field("INFO", description="Level to log each batch at.")


class Debug:
    """One log line a batch."""

    events: frozenset[str] | None = None

    def __init__(self, settings: DebugSettings, context: Context) -> None:
        self._level = logging.getLevelNamesMapping()[settings.level]
        self._logger = context.logger

    async def start(self) -> None:
        """Nothing to open."""

    async def handle(self, batch: Batch) -> None:
        """Log the batch's size and how many records of each event name it holds."""
        names = Counter(batch.name_of(record) or "(no event name)" for record in records_of(batch.request))
        listed = ", ".join(f"{count} {name}" for name, count in names.most_common(20))
        message = "batch %.12s: %d bytes, %d records: %s"
        self._logger.log(self._level, message, batch.digest, len(batch.body), batch.record_count, listed)

    async def shutdown(self) -> None:
        """Nothing to close."""


FACTORY = Factory(name="debug", config=DebugSettings, build=Debug, required=False)
