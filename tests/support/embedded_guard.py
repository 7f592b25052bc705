"""Embedded ClickHouse with a table, and statements sent to it: what the tests of the guard share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.embedded import EmbeddedClickHouse, Reply, ask

DENIED = 497


@contextmanager
def server_with_a_table(folder: Path) -> Iterator[EmbeddedClickHouse]:
    """A server whose database `chattrail` has a table `t`."""
    with EmbeddedClickHouse(folder) as server:
        ask(server, "CREATE TABLE chattrail.t (a UInt64, s String, d DateTime, n Nullable(Int8)) ENGINE = Memory")
        yield server


def of(server: EmbeddedClickHouse, sql: str, user: str = "default", **query: str) -> Reply:
    """What a statement answers in the database `chattrail`."""
    return ask(server, sql, query, user=user, database="chattrail")
