"""The connection to ClickHouse: one client for all threads of a process, limits on each query, errors in plain words.

The queries of a page run side by side, and one that is under way already is not asked again: its answer is for all who want it.
What a request reads must not be older than the state of the tables that its tag says (web/conditional.py), so only requests that
have read the same state (`STATE`) share an answer.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from common.clickhouse import NO_REVISION, connection_options
from web.errors import ClickHouseUnavailableError
from web.settings import WebSettings

log = logging.getLogger("web.clickhouse")
CONNECT_TIMEOUT_S = 3
LINES = "JSONCompactEachRowWithNamesAndTypes"
SIDE_BY_SIDE = 8  # queries of all pages together that run beside those of the requests' own threads
ROWS_MAX = 200_000
MEMORY_MAX = 2 * 1024**3
# what ClickHouse documents as the bounds of DateTime64; a column may hold more
EARLIEST_MS = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1000
LATEST_MS = int(datetime(2299, 12, 31, tzinfo=UTC).timestamp()) * 1000
AGAIN = "Try again, or choose a shorter range."
REASONS = {  # error codes of ClickHouse, src/Common/ErrorCodes.cpp
    60: "The database has no Chattrail tables yet: run `python -m sidecar migrate`.",
    81: "The database that CHATTRAIL_WEB_CLICKHOUSE_URL names does not exist yet: run `python -m sidecar migrate`.",
    47: "The tables are of another release: run `python -m sidecar migrate`.",
    159: f"ClickHouse took longer than the query may (CHATTRAIL_WEB_QUERY_TIMEOUT_S). {AGAIN}",
    160: f"ClickHouse would take longer than the query may (CHATTRAIL_WEB_QUERY_TIMEOUT_S). {AGAIN}",
    202: "ClickHouse is busy with other queries.",
    241: f"ClickHouse has not enough memory for this. {AGAIN}",
    497: "The user of CHATTRAIL_WEB_CLICKHOUSE_URL may not read the Chattrail tables.",
    516: "ClickHouse refuses the user or password of CHATTRAIL_WEB_CLICKHOUSE_URL.",
}
STATE: ContextVar[str] = ContextVar("STATE", default="")
NEEDS_OPERATOR = frozenset({47, 60, 81, 497, 516})


class ClickHouse:
    """Runs read queries. The client is made at the first one, and again in a forked child, so no socket is shared."""

    def __init__(self, settings: WebSettings) -> None:
        url = urlsplit(settings.clickhouse_url.get_secret_value())
        self._where = f"{url.hostname}:{url.port}"
        self._options = connection_options(url._replace(query="").geturl())
        self._connections = settings.threads + SIDE_BY_SIDE
        self._timeout_s = settings.query_timeout_s
        self._limits: dict[str, Any] = {
            "max_execution_time": settings.query_timeout_s,
            "max_result_rows": ROWS_MAX,
            "max_memory_usage": MEMORY_MAX,
            "do_not_merge_across_partitions_select_final": 1,  # a doubled row has the same time, hence the same month
        }
        self._allowed: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._pid = 0
        self._owner = os.getpid()  # of the threads and of what is under way
        self._threads: ThreadPoolExecutor | None = None
        self._under_way: dict[str, Future[Sequence[Sequence[Any]]]] = {}

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Run one query and return its rows. Raises ClickHouseUnavailableError."""
        query = repr((STATE.get(), statement, sorted((parameters or {}).items())))
        with self._lock:
            self._forget_the_parent()
            running = self._under_way.get(query)
            if running is None:
                self._under_way[query] = Future()
        if running is not None:
            return running.result()
        try:
            rows = self.ask(statement, parameters)
        except BaseException as error:
            self._end(query).set_exception(error)
            raise
        self._end(query).set_result(rows)
        return rows

    def together(self, *works: Callable[[], Any]) -> list[Any]:
        """What each of these returns, in their order: they run side by side. None of them may call this."""
        with self._lock:
            self._forget_the_parent()
            threads = self._threads = self._threads or ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="clickhouse")
        first, *others = works
        running = [threads.submit(copy_context().run, work) for work in others]
        try:
            return [first(), *(one.result() for one in running)]
        finally:
            for one in running:
                one.cancel()

    def ask(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Run one query, whatever runs beside it. Raises ClickHouseUnavailableError."""
        try:
            client = self._connected()
            return client.query(statement, parameters=dict(parameters or {}), settings=self._allowed).result_rows
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._explain(error) from None

    def in_words(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a query of somebody's own. Raises the driver's Error with ClickHouse's words, else as `ask` does."""
        try:
            client = self._connected()
            return client.query(statement, parameters=dict(parameters), settings=self._allowed).result_rows
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._in_words(error) from None

    def lines(self, statement: str, limits: Mapping[str, Any]) -> Iterator[bytes]:
        """Run a query of somebody's own: a line of JSON with the names of its columns, one with their types, one for each row.

        It ends when the lines are no longer read. Raises as `in_words` does.
        """
        try:
            client = self._connected()
            settings = {**self._allowed, **_within(client, dict(limits))}
            with client.raw_stream(statement, fmt=LINES, settings=settings) as answer:
                yield from answer
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._in_words(error) from None

    def _in_words(self, error: Exception) -> Exception:
        return error if isinstance(error, Error) and error.code is not None else self._explain(error)

    def row(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Run one query that has exactly one row. Raises ClickHouseUnavailableError."""
        (row,) = self.rows(statement, parameters)
        return row

    def _forget_the_parent(self) -> None:
        """In a forked child there are neither the threads of its parent nor the queries that these have under way."""
        if self._owner != os.getpid():
            self._owner, self._threads, self._under_way = os.getpid(), None, {}

    def _end(self, query: str) -> "Future[Sequence[Sequence[Any]]]":
        with self._lock:
            return self._under_way.pop(query)

    def _connected(self) -> Client:
        if self._client is None or self._pid != os.getpid():
            with self._lock:
                if self._client is None or self._pid != os.getpid():
                    client = clickhouse_connect.get_client(
                        **self._options,
                        connect_timeout=CONNECT_TIMEOUT_S,
                        send_receive_timeout=self._timeout_s + 2,
                        query_limit=0,
                        compress=False,
                        client_name="chattrail-web",
                        pool_mgr=get_pool_manager(maxsize=self._connections, num_pools=1),
                    )
                    client.protocol_version = NO_REVISION
                    self._allowed = _within(client, self._limits)
                    self._client, self._pid = client, os.getpid()
        return self._client

    def _explain(self, error: Exception) -> ClickHouseUnavailableError:
        """Say what to do. ClickHouse's own text stays out: it may quote the query, and with it what was searched for."""
        code = error.code if isinstance(error, Error) else None
        if code in REASONS:
            log.error("clickhouse error %s", code)
            return ClickHouseUnavailableError(REASONS[code], retry_after=30 if code in NEEDS_OPERATOR else 5)
        if code is not None:
            log.error("clickhouse error %s %s", code, error.name if isinstance(error, Error) else "")
            return ClickHouseUnavailableError(f"ClickHouse answered with its error {code}.", retry_after=30)
        if not isinstance(error, (OperationalError, HTTPError, OSError)):
            log.error("clickhouse driver failed: %s", type(error).__qualname__)
        return ClickHouseUnavailableError(
            f"ClickHouse does not answer at {self._where} (CHATTRAIL_WEB_CLICKHOUSE_URL)."
        )


def from_milliseconds(milliseconds: int) -> datetime:
    """A time from milliseconds since 1970, moved into the bounds of DateTime64."""
    return datetime.fromtimestamp(min(max(milliseconds, EARLIEST_MS), LATEST_MS) / 1000, UTC)


def _within(client: Client, limits: dict[str, Any]) -> dict[str, Any]:
    """Our limits as far as the user may set them: the server's own stay where they are narrower or fixed."""
    statement = "SELECT name, readonly, max FROM system.settings WHERE name IN {names:Array(String)}"
    allowed: dict[str, Any] = {}
    for name, fixed, highest in client.query(statement, parameters={"names": list(limits)}).result_rows:
        if not fixed:
            wanted = limits[name] if highest is None else min(limits[name], float(highest))
            allowed[name] = int(wanted) if wanted >= 1 else wanted  # counts and bytes must not have a point
    return allowed
