"""What a request says: statement, data, parameters, settings; its body is inflated and spooled as it arrives."""

import asyncio
import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from aiohttp import web

from common.body_time import Pace
from sidecar.embedded import compression, form
from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.tree import LONGEST_QUERY
from sidecar.embedded.job import ExternalTable
from sidecar.embedded.sql import Statement, parse, tokens

HEAD: Final = 64 << 10  # an INSERT's words before its data mostly fit in here
INFLATING: Final = 2  # bodies at the same time: each may take 400 MiB, for a block and its copy or a decoder's window
# What is about the transport and not a setting of the query.
TRANSPORT: Final = frozenset({
    "database", "query", "query_id", "session_id", "session_timeout", "session_check", "close_session", "compress",
    "decompress", "wait_end_of_query", "default_format", "client_protocol_version", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "enable_http_compression", "buffer_size", "user", "password", "quota_key",
    "stacktrace", "http_zlib_compression_level", "cancel_http_readonly_queries_on_client_close",
})  # fmt: skip


@dataclasses.dataclass(slots=True)
class QueryRequest:
    """A request, read to its end. `folder` holds its temporary files: remove it with `discard`."""

    statement: Statement
    fields: dict[str, str]
    folder: Path
    data: Path | None = None
    tables: tuple[ExternalTable, ...] = ()
    _used: frozenset[str] = dataclasses.field(default=frozenset())

    @property
    def parameters(self) -> dict[str, str]:
        """Query parameters: `param_name` without its prefix."""
        return {name[6:]: value for name, value in self.fields.items() if name.startswith("param_")}

    @property
    def settings(self) -> dict[str, str]:
        """What is neither a parameter nor about the transport is a setting."""
        return {
            name: value
            for name, value in self.fields.items()
            if name not in TRANSPORT and name not in self._used and not name.startswith("param_")
        }

    def flag(self, name: str) -> bool:
        """A switch among the fields."""
        return self.fields.get(name, "0") not in ("", "0", "false")

    def discard(self) -> None:
        """Remove the temporary files."""
        shutil.rmtree(self.folder, ignore_errors=True)


class RequestReader:
    """Reads requests. `limit` is the largest body, counted inflated and as it came."""

    def __init__(self, incoming: Path, limit: int) -> None:
        self._incoming = incoming
        self._limit = limit
        self._inflating = asyncio.Semaphore(INFLATING)

    async def read(self, request: web.Request, pace: Pace, *, writes: bool) -> QueryRequest:
        """Read a request; without `writes` an INSERT is refused before its data. Leaves no file behind when it fails.

        Raises ClickHouseError, also for a body that is slower than `pace`.
        """
        fields = dict(request.query)
        if fields.get("role"):
            raise ClickHouseError(Code.NOT_IMPLEMENTED, "role= is not supported: the rights belong to the user")
        folder = Path(tempfile.mkdtemp(dir=self._incoming))
        try:
            if request.content_type == "multipart/form-data":
                found = await form.read(request, fields, folder, self._limit, pace)
                statement = await _parsed(found.fields.get("query", "").encode(), writes=True)
                if statement.takes_data:
                    raise ClickHouseError(Code.BAD_ARGUMENTS, "An INSERT takes its data as the body, not as a form")
                return QueryRequest(
                    statement, found.fields, folder, tables=tuple(found.tables), _used=frozenset(found.used)
                )
            # a user without the right to write sends a query's text and nothing else
            limit = self._limit if writes else min(self._limit, 4 * LONGEST_QUERY)
            return await _read_plain(fields, folder, self._pieces(request, folder, limit, pace), writes)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, web.RequestPayloadError):
                raise ClickHouseError(Code.BAD_ARGUMENTS, "The request body could not be read to its end") from None
            if isinstance(error, TimeoutError):
                raise ClickHouseError(
                    Code.SOCKET_TIMEOUT, "Timeout exceeded while reading the request body: it came too slowly"
                ) from None
            raise

    async def _pieces(self, request: web.Request, folder: Path, limit: int, pace: Pace) -> AsyncGenerator[bytes, None]:
        """The body, inflated. A coded one arrives in full first: a slow client must hold no decoder and no half block."""
        blocks = request.query.get("decompress", "0") not in ("", "0", "false")
        readers = compression.inflaters(request.headers.get("Content-Encoding", ""), blocks)
        with tempfile.SpooledTemporaryFile(HEAD, dir=str(folder)) as coded:
            count = 0
            while chunk := await pace.take(request.content.readany()):
                count += len(chunk)
                if count > limit:
                    raise ClickHouseError(Code.TOO_MANY_BYTES, f"The request body is larger than {limit} bytes")
                if not readers:
                    yield chunk
                else:
                    coded.write(chunk)
            if not readers:
                return
            coded.seek(0)
            count = 0
            async with self._inflating:
                while chunk := coded.read(HEAD):
                    pieces = compression.inflate(readers, chunk)
                    while piece := await asyncio.to_thread(_gathered, pieces):
                        count += len(piece)
                        if count > limit:
                            raise ClickHouseError(
                                Code.TOO_MANY_BYTES, f"The request body is larger than {limit} bytes when inflated"
                            )
                        yield piece
                compression.finish(readers)


def _gathered(pieces: Iterator[bytes]) -> bytes:
    # one step for many small ones; empty when there are no more
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= HEAD:
            break
    return gathered[0] if len(gathered) == 1 else b"".join(gathered)


async def _read_plain(
    fields: dict[str, str], folder: Path, body: AsyncGenerator[bytes, None], writes: bool
) -> QueryRequest:
    in_url = fields.get("query", "").encode()
    async with contextlib.aclosing(body) as pieces:
        if in_url:
            statement = await _parsed(in_url, writes)
            if statement.takes_data:
                head = in_url[statement.data_offset :]
                return await _spool(statement, fields, folder, bytes(head), pieces)
            in_url += b"\n"
        buffer, enough = bytearray(in_url), HEAD
        async for piece in pieces:
            buffer += piece
            if len(buffer) >= enough and _is_insert(buffer):
                statement = await _parsed(bytes(buffer), writes)
                if statement.takes_data:
                    head = bytes(buffer[statement.data_offset :])
                    return await _spool(statement, fields, folder, head, pieces)
                enough = 2 * len(buffer)  # not again at every few bytes
            if len(buffer) > LONGEST_QUERY:
                raise ClickHouseError(Code.QUERY_IS_TOO_LARGE, f"The query is longer than {LONGEST_QUERY} bytes")
    statement = await _parsed(bytes(buffer), writes)
    if statement.takes_data:
        return await _spool(statement, fields, folder, bytes(buffer[statement.data_offset :]), None)
    return QueryRequest(statement, fields, folder)


async def _parsed(sql: bytes, writes: bool) -> Statement:
    # a long one on a thread, which takes turns with the loop
    statement = parse(sql) if len(sql) < HEAD // 4 else await asyncio.to_thread(parse, sql)
    if statement.takes_data and not writes:
        raise ClickHouseError(Code.READONLY, "readonly: Cannot execute query in readonly mode: an INSERT.")
    return statement


def _is_insert(buffer: bytearray) -> bool:
    first = next(tokens(bytes(buffer[:HEAD])), None)
    return first is not None and first.word == "INSERT"


async def _spool(
    statement: Statement, fields: dict[str, str], folder: Path, head: bytes, rest: AsyncIterator[bytes] | None
) -> QueryRequest:
    path = folder / "data"
    loop = asyncio.get_running_loop()
    with path.open("wb") as file:
        file.write(head)
        if rest is not None:
            async for piece in rest:
                if len(piece) > HEAD:
                    await loop.run_in_executor(None, file.write, piece)
                else:
                    file.write(piece)
    if statement.is_values:
        _strip_semicolon(path)
    return QueryRequest(statement, fields, folder, data=path)


def _strip_semicolon(path: Path) -> None:
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        start = max(0, end - 256)
        file.seek(start)
        tail = file.read()
        kept = tail.rstrip()
        if kept.endswith(b";"):
            file.truncate(start + len(kept.rstrip(b"; \t\r\n")))
