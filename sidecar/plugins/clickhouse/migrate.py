"""Brings the schema of a ClickHouse database up to date: numbered `.sql` files, each applied once, in order.

A file is a template: `${database}` is the database of the DSN, other names are pieces of
`sidecar/plugins/clickhouse/fragments.toml`. Statements are idempotent (`IF NOT EXISTS`), because ClickHouse has no
transactions for DDL: a migration that died half-way, or that two sidecars run at once, is simply run again.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.clickhouse import connection_options
from common.error_location import first_line
from sidecar.errors import RetryableError, StartError
from sidecar.plugins.clickhouse.otlp_schema import fragments

SQL = Path(__file__).parent / "migrations"
DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of sidecar/plugins/clickhouse/migrations: `0002_events.sql` is version 2, name "events"."""

    version: int
    name: str
    template: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, to notice a migration that was edited after it was applied."""
        return hashlib.sha256(self.template.encode()).hexdigest()

    def statements(self, database: str) -> list[str]:
        """Fill in the template and cut it into statements; comments stay with theirs."""
        text = Template(self.template).substitute(fragments(), database=f"`{database}`")
        return [part.strip() for part in re.split(r";\s*(?:\n|$)", text) if part.strip()]


def migrations(folder: Path = SQL) -> list[Migration]:
    """Read the migrations in order. Raises StartError when a number is missing or doubled."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        found.append(Migration(int(number), name, path.read_text()))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise StartError(f"the migrations in {folder.name}/ must be numbered 1, 2, 3 … without gaps")
    return found


def database_of(url: str) -> str:
    """Return the database a DSN names; raises StartError when it is missing or not a plain name."""
    name = urlsplit(url).path.strip("/")
    if not DATABASE_NAME.fullmatch(name):
        raise StartError(
            "the ClickHouse URL must end in a database name of letters, digits and _, such as …:8123/chattrail"
        )
    return name


def migrate(url: str) -> list[Migration]:
    """Apply what is missing and return it. Raises RetryableError when ClickHouse does not answer, StartError when it refuses."""
    database = database_of(url)
    parts = urlsplit(url)
    try:
        client = clickhouse_connect.get_client(**connection_options(parts._replace(path="").geturl()))
    except ClickHouseError as error:
        raise RetryableError(
            f"ClickHouse at {parts.hostname}:{parts.port} can't be used: {first_line(error)}"
        ) from None
    try:
        return _apply(client, database)
    except ClickHouseError as error:
        raise StartError(f"ClickHouse refused a migration of database {database}: {first_line(error)}") from None
    finally:
        client.close()


def _apply(client: Client, database: str) -> list[Migration]:
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}` ENGINE = Atomic")
    client.command(
        f"CREATE TABLE IF NOT EXISTS `{database}`.schema_migrations (version UInt32, name String, checksum String,"
        " applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree(applied_at) ORDER BY version"
    )
    rows = client.query(f"SELECT version, checksum FROM `{database}`.schema_migrations FINAL").result_rows  # noqa: S608 (checked name)
    applied = {int(version): str(checksum) for version, checksum in rows}
    known = migrations()
    if newer := sorted(set(applied) - {migration.version for migration in known}):
        raise StartError(
            f"database {database} has migration {newer[-1]}, which this release does not know: upgrade the sidecar"
        )
    done = []
    for migration in known:
        if migration.version in applied:
            if applied[migration.version] != migration.checksum:
                raise StartError(
                    f"migration {migration.version} ({migration.name}) was changed after it had been applied to {database}"
                )
            continue
        for statement in migration.statements(database):
            client.command(statement)
        client.insert(
            "schema_migrations",
            [[migration.version, migration.name, migration.checksum]],
            column_names=["version", "name", "checksum"],
            database=database,
            settings={"async_insert": 0},
        )
        done.append(migration)
    return done
