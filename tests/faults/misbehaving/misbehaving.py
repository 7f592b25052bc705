"""A stranger's plugin at its worst, for the sidecar's --plugins-dir: it raises, hangs or blocks whatever loop it runs on."""

import asyncio
import time
from typing import ClassVar, Literal

from common.settings import Settings
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context, Factory


class MisbehavingSettings(Settings):
    """How it misbehaves."""

    prefix: ClassVar[str] = "SIDECAR_MISBEHAVING"

    manner: Literal["raises", "hangs", "blocks"]


class MisbehavingPlugin:
    """Says that it has begun, then never ends well."""

    events: frozenset[str] | None = None

    def __init__(self, settings: MisbehavingSettings, _context: Context) -> None:
        self._manner = settings.manner

    async def start(self) -> None:
        """Nothing to do."""

    async def handle(self, _batch: Batch) -> None:
        """Misbehave."""
        print("misbehaving has begun", flush=True)
        match self._manner:
            case "raises":
                raise RuntimeError("a stranger's mistake")
            case "hangs":
                await asyncio.Event().wait()
            case "blocks":
                time.sleep(3600)  # noqa: ASYNC251 -- the fault itself

    async def shutdown(self) -> None:
        """Nothing to do."""


FACTORY = Factory(name="misbehaving", config=MisbehavingSettings, build=MisbehavingPlugin, required=False)
