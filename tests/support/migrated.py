"""Databases with the sidecar's schema, copied from one that its migrations made: half the work of migrating each anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from sidecar.plugins.clickhouse.migrate import migrate
from tests.support.embedded import EmbeddedClickHouse

TEMPLATE = "migrated_template"
WRITTEN = ("schema_migrations", "rollup_progress")  # migrations put rows into these
# Views come after the tables that they read, and those that fill a table after all others.
MADE = f"""
SELECT create_table_query FROM system.tables WHERE database = '{TEMPLATE}'
ORDER BY engine = 'MaterializedView', engine = 'View', name"""


@contextmanager
def migrated_database(server: EmbeddedClickHouse) -> Iterator[str]:
    """A fresh database of a server, in which the sidecar finds nothing to migrate; gives its name."""
    with server.fresh_database() as name, _client(server) as client:
        for statement in _statements(server):
            client.command(statement.replace(TEMPLATE, name))
        for table in WRITTEN:
            client.command(f"INSERT INTO {name}.{table} SELECT * FROM {TEMPLATE}.{table}")
        yield name


@cache
def _statements(server: EmbeddedClickHouse) -> tuple[str, ...]:
    """What makes a copy of the template, which the first caller for a server makes."""
    migrate(server.dsn(TEMPLATE))
    with _client(server) as client:
        return tuple(str(statement) for (statement,) in client.query(MADE).result_rows)


def _client(server: EmbeddedClickHouse) -> Client:
    return clickhouse_connect.get_client(dsn=server.dsn("default"), autogenerate_session_id=False)
