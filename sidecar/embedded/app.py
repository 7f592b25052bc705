"""ClickHouse's HTTP interface: https://clickhouse.com/docs/interfaces/http, for the embedded engine."""

import asyncio
import contextlib
import logging
import secrets
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from sidecar.embedded import compression, intake
from sidecar.embedded.auth import READER, Users
from sidecar.embedded.engine import Engine, Job
from sidecar.embedded.errors import ABORTED, QUERY_WAS_CANCELLED, READONLY, UNKNOWN_EXCEPTION, ClickHouseError
from sidecar.embedded.headers import content_type, summary
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.embedded.turns import Turns

log = logging.getLogger(__name__)
OK: Final = "Ok.\n"
IN_MEMORY: Final = 1 << 20


class Server:
    """The HTTP side of one engine."""

    def __init__(self, settings: EmbeddedSettings, engine: Engine, incoming: Path) -> None:
        self._settings = settings
        self._engine = engine
        self._incoming = incoming
        self._users = Users(settings)
        self._turns = Turns(settings.max_concurrent_queries, settings.max_queued_queries, settings.queue_time_s)
        self._threads = ThreadPoolExecutor(settings.max_concurrent_queries + 4, thread_name_prefix="query")
        self._running: dict[str, Job] = {}
        self._closing = False

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application()
        for path in ("/ping", "/replicas_status"):
            app.router.add_get(path, self._ping)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text=OK, headers={"X-ClickHouse-Server-Display-Name": socket.gethostname()})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        tag = secrets.token_hex(8)
        headers = {
            "X-ClickHouse-Server-Display-Name": socket.gethostname(),
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Exception-Tag": tag,
        }
        started = time.perf_counter()
        try:
            if request.method in ("GET", "HEAD") and request.path == "/" and not request.query.get("query"):
                return web.Response(text=OK, headers=headers)
            user = self._users.authenticate(request.headers, request.query)
            if self._closing:
                raise ClickHouseError(ABORTED, "The server is shutting down")
            return await self._query(request, user, query_id, tag, headers)
        except ClickHouseError as error:
            log.info("query %s failed with code %d after %.3f s", query_id, error.code, time.perf_counter() - started)
            return self._failure(error, headers)
        except Exception as error:
            log.exception("query %s: a fault of the server", query_id)
            return self._failure(ClickHouseError(UNKNOWN_EXCEPTION, type(error).__name__), headers)

    def _words(self, error: ClickHouseError) -> str:
        return f"{error.text} (version {self._engine.version} (embedded))\n"

    def _failure(self, error: ClickHouseError, headers: dict[str, str]) -> web.Response:
        headers |= {"X-ClickHouse-Exception-Code": str(error.code)}
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        return web.Response(status=error.status, text=self._words(error), headers=headers)

    async def _query(
        self, request: web.Request, user: str, query_id: str, tag: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        taken = await intake.read(request, self._incoming, self._settings.max_body_mb << 20)
        try:
            if user == READER and not taken.statement.reads:
                raise ClickHouseError(READONLY, f"{user}: Cannot execute query in readonly mode.")
            job = Job(
                taken.statement,
                reader=user == READER,
                query_id=query_id,
                settings=taken.settings,
                parameters=taken.parameters,
                database=taken.fields.get("database") or request.headers.get("X-ClickHouse-Database"),
                default_format=taken.fields.get("default_format")
                or request.headers.get("X-ClickHouse-Format")
                or "TabSeparated",
                forbid_writes=request.method in ("GET", "HEAD"),
                data=taken.data,
                tables=taken.tables,
            )
            async with self._turns:
                return await self._answer(request, job, taken, tag, headers)
        finally:
            taken.discard()

    async def _answer(
        self, request: web.Request, job: Job, taken: intake.Intake, tag: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        pieces = self._work(job)

        async def following() -> bytes | None:
            return await loop.run_in_executor(self._threads, next, pieces, None)

        try:
            first = await following()
            second = await following() if first is not None else None
            if first:
                headers["Content-Type"] = content_type(job.output_format)
                headers["X-ClickHouse-Format"] = job.output_format
            if second is None:
                headers["X-ClickHouse-Summary"] = summary(job.progress)
                return web.Response(body=first or b"", headers=headers)
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(first or b"")
            await response.write(second)
            while (piece := await following()) is not None:
                await response.write(piece)
            await response.write_eof()
            return response
        finally:
            await loop.run_in_executor(self._threads, pieces.close)

    def _work(self, job: Job) -> Any:
        connection = self._engine.connect()
        try:
            self._engine.prepare(connection, job)
            yield from self._engine.run(connection, job)
        finally:
            connection.close()
