"""The chDB engine in this process: one connection a query, so that settings, database and rights never leak.

Opening a connection costs under a millisecond. The rights of `readonly` are the engine's own: a role without any right
to write, `readonly = 2`, and a profile whose constraints keep the limits from being loosened.
"""

import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sidecar.embedded import config, native
from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.guard import Checked, Guard
from sidecar.embedded.job import ExternalTable, Job
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.embedded.sql import identifier, literal

PIECE = 1 << 20
# The engine's allocator keeps what was freed for reuse by default; on a machine shared with other parts it gives it back after
# a second: at once would have each insert fault its pages in anew, which is 40 % of its processor time. Two arenas for two cores.
FRUGAL_MEMORY = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0"


class Engine:
    """Owns the database folder. Methods block: call them from worker threads."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._path = ""
        self._main_connection: Any = None
        self.version = ""
        self.guard: Guard

    def start(self, confine: Callable[[Sequence[Path], Sequence[Path]], object] | None = None) -> None:
        """Load the engine, open the folder, make `default` a database like any other.

        `confine` is called with the folders to write in and the files to read, before the engine makes its threads.
        """
        os.environ["TZ"] = "UTC"  # the engine takes its time zone from here when it is loaded
        os.environ.setdefault("JE_MALLOC_CONF", FRUGAL_MEMORY)
        folder = self._settings.data.absolute()
        main = config.write(self._settings, folder)
        (folder / "engine").mkdir(parents=True, exist_ok=True)
        temporary, incoming = _emptied(folder / "temporary"), _emptied(folder / "incoming")
        os.environ["TMPDIR"] = str(temporary)
        # the engine keeps the OTLP schemas it is sent in the working directory, and reads a config.xml there when it is
        # imported; it has no working setting for either
        os.chdir(temporary)
        if confine is not None:
            confine([folder / "engine", temporary, incoming], [main, folder / "users.xml"])
        import chdb  # 170 MB that start-up errors must not wait for

        self._path = f"{folder / 'engine'}?config-file={main}"
        self._connect = chdb.connect
        kept = _kept_default(folder / "engine" / "metadata")
        self._main_connection = self._connect(self._path)
        _replace_default(self._main_connection, kept)
        self.version = self._main_connection.query("SELECT version()", "TabSeparated").bytes().decode().strip()
        self.guard = Guard(self.connect)

    def close(self) -> None:
        """Flush and close."""
        if self._main_connection is not None:
            self.guard.close()
            self._main_connection.close()
            self._main_connection = None

    def connect(self) -> Any:
        """A connection of its own for one query or one session."""
        return self._connect(self._path)

    def check(self, job: Job, *, literals: bool = True) -> Checked:
        """Look at a job's statement and settings: what runs. Raises ClickHouseError for what may not."""
        self.guard.check_settings(job.settings, reader=job.reader or job.saver)

        def own_id(given: str) -> str | None:
            running = job.running(given)
            return None if running is None else self.own_id(running)

        job.checked = self.guard.check(
            job.statement,
            reader=job.reader,
            saver=job.saver,
            default_format=job.default_format,
            data=job.data,
            literals=literals,
            own_id=own_id,
        )
        return job.checked

    def prepare(self, connection: Any, job: Job, *, fresh: bool) -> dict[str, str]:
        """Put a checked job's limits, rights, tables and settings on a connection. Raises ClickHouseError.

        On a session's connection (not fresh) limits and rights are there already; the answer is then what the job's
        own settings were before, for `restore`.
        """
        given = dict(job.settings)
        comment = f"{given.pop('log_comment', '')} {job.mark}".strip()
        before: dict[str, str] = {}
        try:
            if job.database:
                connection.query(f"USE {identifier(job.database)}")
            if fresh:
                self._limit(connection, job)
            elif given:
                rows = connection.query(
                    "SELECT name, value FROM system.settings WHERE has(splitByChar(',', {names:String}), name)",
                    "JSONCompactEachRow",
                    {"names": ",".join(given)},
                )
                before = dict(json.loads(line) for line in rows.bytes().splitlines())
            connection.query(f"SET {_clause({'log_comment': comment})}")
            for table in job.tables:
                self._load(connection, table)
            if given:
                connection.query(f"SET {_clause(given)}")
        except ClickHouseError:
            raise
        except Exception as error:
            raise ClickHouseError.from_engine(error) from None
        return before

    def restore(self, connection: Any, before: Mapping[str, str]) -> None:
        """Give a session its settings back."""
        if before:
            connection.query(f"SET {_clause(before)}")

    def _limit(self, connection: Any, job: Job) -> None:
        limits: dict[str, int] = {"max_execution_time": self._settings.max_execution_time_s}
        if job.reader or job.saver:
            limits = config.limits_of_reader(self._settings)
        connection.query(f"SET {_clause(config.SMALL_MACHINE | limits)}")
        if job.reader:
            connection.query("SET ROLE reading")
            connection.query("SET profile = 'reader'")
        if job.saver:
            connection.query("SET ROLE saving")
            connection.query("SET profile = 'saver'")
        if job.reader or job.forbid_writes:
            connection.query("SET readonly = 2")

    def run(self, connection: Any, job: Job) -> Generator[bytes, None, None]:
        """Run a prepared job; the answer's bytes, in pieces. Raises ClickHouseError, at any piece."""
        checked = job.checked or self.check(job)
        connection.set_progress_callback(job.progress.update)
        parameters = dict(job.parameters)
        at = job.native_revision if job.output_format == "Native" else 0
        try:
            if at and checked.without_format is not None:
                yield from native.select(connection, checked.without_format, parameters, at)
            elif checked.selects and checked.after is None:
                with connection.send_query(checked.sql(), checked.output_format, parameters) as answer:
                    for block in answer:
                        yield block.bytes()
            elif checked.selects:  # JSON, Parquet, Pretty…: the engine writes a file, so that memory stays flat
                path = job.folder / "answer"
                connection.query(checked.sql(path), params=parameters)
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield piece
            else:
                answer = self._write(connection, job, checked)
                yield from native.convert(connection, answer, at) if at else (answer,)
        except ClickHouseError:
            raise
        except Exception as error:
            raise ClickHouseError.from_engine(error) from None
        finally:
            connection.set_progress_callback(None)

    def _write(self, connection: Any, job: Job, checked: Checked) -> bytes:
        """Run a statement other than SELECT. Rows of VALUES are evaluated where they are not literals of their columns' types."""
        parameters = dict(job.parameters)
        try:
            return connection.query(checked.sql(job.data), checked.output_format, parameters).bytes() or b""
        except Exception as error:
            if not job.statement.is_values or ClickHouseError.from_engine(error).code != Code.SUPPORT_IS_DISABLED:
                raise
        again = self.check(job, literals=False)
        return connection.query(again.sql(job.data), again.output_format, parameters).bytes() or b""

    def kill(self, job: Job) -> None:
        """Ask the engine to end a running job; returns at once."""
        condition = f"endsWith(Settings['log_comment'], {literal(job.mark)})"
        with closing(self.connect()) as connection:
            connection.query(f"KILL QUERY WHERE {condition} AND query_id != queryID() ASYNC")

    def own_id(self, job: Job) -> str:
        """The query_id that the engine gave a running job; '' when it does not run (yet, or any more)."""
        sql = "SELECT query_id FROM system.processes WHERE endsWith(Settings['log_comment'], {mark:String})"
        with closing(self.connect()) as connection:
            found: bytes = connection.query(sql, "TabSeparated", {"mark": job.mark}).bytes() or b""
            return found.decode().strip()

    def _load(self, connection: Any, table: ExternalTable) -> None:
        make, fill = self.guard.external_table(table.name, table.structure, table.types, table.format)
        connection.query(make)
        connection.query(fill.sql(table.path))


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
    folder.mkdir(parents=True)
    return folder


def _kept_default(metadata: Path) -> bool:
    # a first start that broke off may have left the file without its folder: then there was never a table in it
    if (metadata / "default").exists():
        return True
    for left in metadata.glob("default.sql*"):
        left.unlink()
    return False


def _replace_default(connection: Any, kept: bool) -> None:
    # chDB overlays `default` with the file system; a server's `default` holds tables only
    connection.query("DETACH DATABASE default")
    if kept:
        connection.query("ATTACH DATABASE default")
        return
    connection.query("CREATE DATABASE default ENGINE = Atomic")
    connection.query("CREATE TABLE default.first (a UInt8) ENGINE = Log")  # its folder, without which ATTACH fails
    connection.query("DROP TABLE default.first SYNC")


def _clause(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{identifier(name)} = {literal(str(value))}" for name, value in settings.items())
