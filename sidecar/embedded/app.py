"""ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http) for the embedded engine."""

import asyncio
import errno
import logging
import secrets
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from aiohttp import web

from common.body_time import Pace
from common.error_location import error_location
from common.http_runner import expect
from common.waiting import set_within
from sidecar.embedded import compression, native, origin
from sidecar.embedded.auth import READER, SAVER, Users
from sidecar.embedded.concurrency import ConcurrencyLimit
from sidecar.embedded.engine import Engine
from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.execution import Execution
from sidecar.embedded.job import Job
from sidecar.embedded.request import QueryRequest, RequestReader
from sidecar.embedded.response import QueryResponse
from sidecar.embedded.sessions import Sessions
from sidecar.embedded.settings import EmbeddedSettings

log = logging.getLogger(__name__)
OK: Final = "Ok.\n"
LONGEST_NAME: Final = 256


class Server:
    """The HTTP side of one engine."""

    def __init__(self, settings: EmbeddedSettings, engine: Engine, incoming: Path) -> None:
        self._settings = settings
        self._engine = engine
        self._incoming = incoming
        self._reader = RequestReader(incoming, settings.max_body_mb << 20)
        self._users = Users(settings)
        self._limit = ConcurrencyLimit(
            settings.max_concurrent_queries, settings.max_queued_queries, settings.queue_time_s
        )
        # more threads than slots: killing and closing must go on while every slot is taken
        self._threads = ThreadPoolExecutor(settings.max_concurrent_queries + 4, thread_name_prefix="query")
        self._sessions = Sessions()
        self._running: dict[str, Execution | None] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closing = False
        self._idle = asyncio.Event()  # set while no query is here
        self._idle.set()
        self._name = socket.gethostname()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application()
        for path in ("/ping", "/replicas_status"):
            app.router.add_get(path, self._ping, expect_handler=expect)
        app.router.add_route("*", "/{path:.*}", self._handle, expect_handler=expect)
        return app

    async def close(self, within: float) -> None:
        """Refuse new queries, let the running ones finish for a while, then kill those that read."""
        self._closing = True
        await set_within(self._idle, within)
        for execution in [execution for execution in self._running.values() if execution is not None]:
            if execution.job.reads:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.kill, execution.job)

    async def finish(self) -> None:
        """Wait for what still ends, after the listening stopped."""
        while self._ending:
            await asyncio.wait(self._ending)
        self._sessions.close()
        self._threads.shutdown()

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text=OK, headers={"X-ClickHouse-Server-Display-Name": self._name})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        given = request.query.get("query_id", "") if _is_text(request) else ""
        query_id = given if given and _is_plain(given) else str(uuid.uuid4())
        headers = {
            "X-ClickHouse-Server-Display-Name": self._name,
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Exception-Tag": secrets.token_hex(8),
        }
        started = time.perf_counter()
        blocks: int | None = None  # before authentication an error is plain text
        try:
            if not _is_text(request):
                raise ClickHouseError(Code.BAD_ARGUMENTS, "The address must be UTF-8")
            if request.method in ("GET", "HEAD") and not request.query.get("query"):
                if request.path == "/":
                    return web.Response(text=OK, headers=headers)
                return web.Response(status=404, text=f"There is no handle {request.path}\n", headers=headers)
            origin.refuse_other_sites(request.headers)
            user = self._users.authenticate(request.headers, request.query)
            blocks = compression.block_method(request.query)
            if self._users.enters_freely(user):
                origin.refuse_other_names(request.headers)
            _refuse_unprintable(request)
            if self._closing:
                raise ClickHouseError(Code.ABORTED, "The server is shutting down")
            return await self._query(request, user, query_id, headers)
        except ClickHouseError as error:
            log.info("query %r: error %d after %.3f s", query_id, error.code, time.perf_counter() - started)
            return self._failure(error, headers, blocks)
        except (ConnectionError, asyncio.CancelledError):
            log.info("query %r: the client left after %.3f s", query_id, time.perf_counter() - started)
            raise
        except Exception as error:  # a client gets an answer, whatever happened
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                log.warning("query %r: no space left on the disk of %s", query_id, self._incoming)
                answer = ClickHouseError(Code.NOT_ENOUGH_SPACE, "No space left on the server's disk")
            else:  # without its words, which may hold a query's
                kind, where = type(error).__name__, error_location(error)
                log.error("query %r: a fault of the server: %s at %s", query_id, kind, where)
                answer = ClickHouseError(Code.UNKNOWN_EXCEPTION, kind)
            return self._failure(answer, headers, blocks)

    def _words(self, error: ClickHouseError) -> str:
        return f"{error.text} (version {self._engine.version} (embedded))\n"

    def _failure(self, error: ClickHouseError, headers: dict[str, str], blocks: int | None) -> web.Response:
        plain = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        plain["X-ClickHouse-Exception-Code"] = str(error.code)
        if error.status == 401:
            plain["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        # a client's text may hold what UTF-8 can't
        text = self._words(error).encode("utf-8", "replace")
        if blocks is not None:  # as a server: clients inflate whatever its status
            body = compression.Deflater(None, blocks).compress(text)
            return web.Response(status=error.status, body=body, headers=plain)
        return web.Response(status=error.status, body=text, content_type="text/plain", charset="utf-8", headers=plain)

    async def _query(
        self, request: web.Request, user: str, query_id: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        pace = Pace(self._settings.body_time_s, self._settings.body_patience_s)
        writes = user != READER and request.method not in ("GET", "HEAD")
        taken = await self._reader.read(request, pace, writes=writes)
        if query_id in self._running:
            taken.discard()
            raise ClickHouseError(
                Code.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, f"Query with id = {query_id} is already running."
            )
        self._running[query_id] = None
        self._idle.clear()
        try:
            slot = await self._limit.enter(reader=user == READER)
        except BaseException:
            self._forget(query_id)
            taken.discard()
            raise
        name = taken.fields.get("session_id", "")
        session, execution = None, None

        async def end() -> None:
            try:
                if execution is not None:
                    await execution.end()
            finally:
                if session is not None:
                    self._sessions.leave(user, name, taken.flag("close_session"))
                taken.discard()
                slot.leave()
                self._forget(query_id)

        try:
            if name:
                timeout = taken.fields.get("session_timeout", "60")
                session = self._sessions.enter(user, name, timeout, taken.flag("session_check"))
            coding = compression.choose(request.headers.get("Accept-Encoding", ""))
            coding = coding if taken.flag("enable_http_compression") else None
            job = self._job(request, user, taken)
            deflater = compression.Deflater(coding, compression.block_method(taken.fields))
            execution = self._running[query_id] = Execution(self._engine, self._threads, job, session, deflater)
            patience_s = self._settings.answer_patience_s
            answer = QueryResponse(request, execution, headers, coding, self._words, patience_s, slot.only_sends)
            return await (answer.whole() if taken.flag("wait_end_of_query") else answer.stream())
        finally:
            # shielded: a client that leaves must not leave its query, its slot or its files behind
            ending = asyncio.create_task(end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    def _job(self, request: web.Request, user: str, taken: QueryRequest) -> Job:
        fields, headers = taken.fields, request.headers
        return Job(
            taken.statement,
            reader=user == READER,
            saver=user == SAVER,
            folder=taken.folder,
            settings=taken.settings,
            parameters=taken.parameters,
            database=fields.get("database") or headers.get("X-ClickHouse-Database"),
            default_format=fields.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated",
            forbid_writes=request.method in ("GET", "HEAD"),
            data=taken.data,
            tables=taken.tables,
            native_revision=native.revision(fields.get("client_protocol_version", "")),
            running=lambda query_id: execution.job if (execution := self._running.get(query_id)) else None,
        )

    def _forget(self, query_id: str) -> None:
        del self._running[query_id]
        if not self._running:
            self._idle.set()


def _is_text(request: web.Request) -> bool:
    # what was not UTF-8 came as surrogates
    try:
        f"{request.path}?{request.query_string}".encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_unprintable(request: web.Request) -> None:
    # these go into headers of the answer, log lines and other statements
    texts = {"query_id": request.query.get("query_id", "")}
    texts |= {name: request.headers.get(name, "") for name in ("X-ClickHouse-Database", "X-ClickHouse-Format")}
    for name, text in texts.items():
        if not _is_plain(text):
            raise ClickHouseError(
                Code.BAD_ARGUMENTS, f"{name} must have printable characters only, and no more than {LONGEST_NAME}"
            )


def _is_plain(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST_NAME
