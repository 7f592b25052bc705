"""Read-only SQL with limits on time, rows and bytes, as the ClickHouse user of the web part."""

import json
from collections.abc import Iterator
from typing import Any

from clickhouse_connect.driver.exceptions import Error

from web.analytics.clickhouse.client import REASONS, ClickHouse
from web.errors import ProblemError
from web.mcp.statement import check_statement

ROWS_MAX = 1_000
BYTES_MAX = 256 * 1024  # of the rows as JSON
PIECE_BYTES = 64 * 1024
MESSAGE_MAX = 600
TABLES = """
SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table NOT LIKE '.inner%'
ORDER BY table, position
"""
LIMITS = {"readonly": 1, "limit": ROWS_MAX + 1}


class Sql:
    """Runs what machines ask."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def tables(self) -> dict[str, dict[str, str]]:
        """The types of the columns of all tables and views."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self._clickhouse.rows(TABLES):
            found.setdefault(table, {})[column] = kind
        return found

    def query(self, statement: str) -> dict[str, Any]:
        """Names and types of the columns, and rows; `truncated` says that there were more than fit into the limits.

        Raises ProblemError with ClickHouse's own words for what it can't run.
        """
        try:
            formatted, database = self._clickhouse.in_words(
                "SELECT formatQuerySingleLine({statement:String}), currentDatabase()", {"statement": statement}
            )[0]
            check_statement(formatted, database)
            return _read(self._clickhouse.lines(formatted, LIMITS))
        except Error as error:
            raise _explained(error) from None


def _read(lines: Iterator[bytes]) -> dict[str, Any]:
    columns, types = json.loads(next(lines)), json.loads(next(lines))
    rows: list[Any] = []
    taken, is_cut = 0, False
    for line in lines:
        taken += len(line)
        is_cut = len(rows) == ROWS_MAX or taken > BYTES_MAX
        if is_cut:
            break
        rows.append(json.loads(line))
    return {"columns": dict(zip(columns, types, strict=True)), "rows": rows, "truncated": is_cut}


def _explained(error: Error) -> ProblemError:
    """Without the name of the driver, the version of the server and the query that the asker knows."""
    if error.code in REASONS and error.code != 47:  # of an unknown column ClickHouse itself says more
        return ProblemError(503 if error.code in (202, 241) else 400, REASONS[error.code], kind="bad-query")
    words = str(error).rpartition("DB::Exception: ")[2].partition(": In scope ")[0].partition(" (version ")[0]
    return ProblemError(400, " ".join(words.split())[:MESSAGE_MAX], kind="bad-query")
