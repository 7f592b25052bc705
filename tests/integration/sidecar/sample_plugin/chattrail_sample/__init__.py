"""Counts the people seen, in a file of its own."""

from typing import ClassVar

from pydantic import Field, SecretStr

from common.settings import Settings
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context, Factory


class HeadcountSettings(Settings):
    """How people are counted."""

    prefix: ClassVar[str] = "SIDECAR_HEADCOUNT"

    bots: int = Field(0, ge=0, description="People to leave out, being bots.")
    salt: SecretStr = Field(SecretStr(""), description="A secret, to see that it stays one.")


class Headcount:
    """Writes how many different people were seen."""

    events: frozenset[str] | None = frozenset({"command"})

    def __init__(self, settings: HeadcountSettings, context: Context) -> None:
        self._bots = settings.bots
        self._file = context.data_directory / "people.txt"
        self._people: set[str] = set()

    async def start(self) -> None:
        """Make the folder."""
        self._file.parent.mkdir(parents=True, exist_ok=True)

    async def handle(self, batch: Batch) -> None:
        """Count."""
        self._people |= {event.user_id for event in batch.events(frozenset({"command"}))}
        self._file.write_text(str(len(self._people) - self._bots), encoding="utf-8")

    async def shutdown(self) -> None:
        """Nothing is left to do."""


FACTORY = Factory(name="headcount", config=HeadcountSettings, build=Headcount, required=False)
