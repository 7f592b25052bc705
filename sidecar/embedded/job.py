"""One statement to run, with what came for it in its request."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.embedded.guard.guard import Checked
from sidecar.embedded.sql import Statement


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A temporary table that came with the request: its columns (or types only), its format, the file of its rows."""

    name: str
    structure: str | None
    types: str
    format: str
    path: Path


@dataclass(slots=True)
class Job:
    """One statement to run, and what is known of it while it runs."""

    statement: Statement
    reader: bool
    folder: Path  # for temporary files; the caller removes it
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    saver: bool = False  # of the user who may only insert into the table `saved`
    database: str | None = None
    default_format: str = "TabSeparated"
    forbid_writes: bool = False  # a GET must change nothing
    data: Path | None = None
    tables: tuple[ExternalTable, ...] = ()
    native_revision: int = 0  # of answers in the format Native
    running: Callable[[str], "Job | None"] = lambda _: None  # by the id that a client gave
    checked: Checked | None = None  # what runs, as soon as `Engine.prepare` has looked at the statement
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    progress: dict[str, int] = field(default_factory=dict)

    @property
    def output_format(self) -> str:
        """The format of the answer."""
        return self.checked.output_format if self.checked else self.default_format

    @property
    def reads(self) -> bool:
        """Whether it only reads, as far as is known yet."""
        return self.checked is not None and self.checked.reads
