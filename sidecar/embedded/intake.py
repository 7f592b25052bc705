"""What a request says: statement, data, parameters, settings; its body is inflated and spooled as it arrives."""

import asyncio
import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from aiohttp import BodyPartReader, web

from sidecar.embedded import compression
from sidecar.embedded.engine import ExternalTable
from sidecar.embedded.errors import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    SOCKET_TIMEOUT,
    TOO_LARGE_BODY,
    ClickHouseError,
)
from sidecar.embedded.guard.tree import LONGEST_QUERY
from sidecar.embedded.sql import Statement, parse, tokens
from sidecar.pace import Pace

HEAD: Final = 64 << 10  # an INSERT's words before its data fit in here
# What is about the transport and not a setting of the query.
TRANSPORT: Final = frozenset({
    "database", "query", "query_id", "session_id", "session_timeout", "session_check", "close_session", "compress",
    "decompress", "wait_end_of_query", "default_format", "client_protocol_version", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "enable_http_compression", "buffer_size", "user", "password", "quota_key",
    "stacktrace", "http_zlib_compression_level", "cancel_http_readonly_queries_on_client_close",
})  # fmt: skip


@dataclasses.dataclass(slots=True)
class Intake:
    """A request, read to its end. `folder` holds its temporary files: remove it with `discard`."""

    statement: Statement
    fields: dict[str, str]
    folder: Path
    data: Path | None = None
    tables: tuple[ExternalTable, ...] = ()
    body_bytes: int = 0
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


async def read(request: web.Request, incoming: Path, limit: int, pace: Pace) -> Intake:
    """Read a request. Raises ClickHouseError, also for a body that is slower than `pace`; leaves no file behind then."""
    fields = dict(request.query)
    if fields.get("role"):
        raise ClickHouseError(NOT_IMPLEMENTED, "role= is not supported: the rights belong to the user")
    folder = Path(tempfile.mkdtemp(dir=incoming))
    try:
        if request.content_type == "multipart/form-data":
            return await _read_form(request, fields, folder, limit, pace)
        return await _read_plain(request, fields, folder, limit, pace)
    except web.RequestPayloadError:
        shutil.rmtree(folder, ignore_errors=True)
        raise ClickHouseError(BAD_ARGUMENTS, "The request body could not be read to its end") from None
    except TimeoutError:
        shutil.rmtree(folder, ignore_errors=True)
        raise ClickHouseError(
            SOCKET_TIMEOUT, "Timeout exceeded while reading the request body: it came too slowly"
        ) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def _pieces(request: web.Request, limit: int, pace: Pace) -> AsyncGenerator[bytes, None]:
    blocks = request.query.get("decompress", "0") not in ("", "0", "false")
    reader = compression.inflater(request.headers.get("Content-Encoding", ""), blocks)
    count = 0
    while chunk := await pace.take(request.content.readany()):
        for piece in compression.inflate(reader, chunk):
            count += len(piece)
            if count > limit:
                raise ClickHouseError(TOO_LARGE_BODY, f"The request body is larger than {limit} bytes when inflated")
            if piece:
                yield piece
    compression.finish(reader)


async def _read_plain(request: web.Request, fields: dict[str, str], folder: Path, limit: int, pace: Pace) -> Intake:
    in_url = fields.get("query", "").encode()
    async with contextlib.aclosing(_pieces(request, limit, pace)) as pieces:
        if in_url:
            statement = parse(in_url)
            if statement.takes_data:
                head = in_url[statement.data_offset :]
                return await _spool(statement, fields, folder, bytes(head), pieces)
            in_url += b"\n"
        buffer = bytearray(in_url)
        async for piece in pieces:
            buffer += piece
            if len(buffer) >= HEAD and _is_insert(buffer):
                statement = parse(bytes(buffer))
                if statement.takes_data:
                    head = bytes(buffer[statement.data_offset :])
                    return await _spool(statement, fields, folder, head, pieces)
            if len(buffer) > LONGEST_QUERY:
                raise ClickHouseError(QUERY_IS_TOO_LARGE, f"The query is longer than {LONGEST_QUERY} bytes")
    statement = parse(bytes(buffer))
    if statement.takes_data:
        return await _spool(statement, fields, folder, bytes(buffer[statement.data_offset :]), None)
    return Intake(statement, fields, folder, body_bytes=len(buffer))


def _is_insert(buffer: bytearray) -> bool:
    first = next(tokens(bytes(buffer[:HEAD])), None)
    return first is not None and first.word == "INSERT"


async def _spool(
    statement: Statement, fields: dict[str, str], folder: Path, head: bytes, rest: AsyncIterator[bytes] | None
) -> Intake:
    path = folder / "data"
    size = len(head)
    loop = asyncio.get_running_loop()
    with path.open("wb") as file:
        file.write(head)
        if rest is not None:
            async for piece in rest:
                size += len(piece)
                if len(piece) > HEAD:
                    await loop.run_in_executor(None, file.write, piece)
                else:
                    file.write(piece)
    if statement.is_values:
        _strip_semicolon(path)
    return Intake(statement, fields, folder, data=path, body_bytes=size)


def _strip_semicolon(path: Path) -> None:
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        start = max(0, end - 256)
        file.seek(start)
        tail = file.read()
        kept = tail.rstrip()
        if kept.endswith(b";"):
            file.truncate(start + len(kept.rstrip(b"; \t\r\n")))


async def _read_form(request: web.Request, fields: dict[str, str], folder: Path, limit: int, pace: Pace) -> Intake:
    tables: list[ExternalTable] = []
    used: set[str] = set()
    count = 0
    parts = await request.multipart()
    while (part := await pace.wait(parts.next())) is not None:
        if not isinstance(part, BodyPartReader) or not part.name:
            raise ClickHouseError(BAD_ARGUMENTS, "Each part of a form needs a name")
        path = folder / f"part{len(tables)}"
        with path.open("wb") as file:
            while chunk := await pace.take(part.read_chunk(1 << 16)):
                count += len(chunk)
                if count > limit:
                    raise ClickHouseError(TOO_LARGE_BODY, f"The request body is larger than {limit} bytes")
                file.write(chunk)
        if part.filename is None:
            fields[part.name] = path.read_text(encoding="utf-8")
        else:
            tables.append(_table(part.name, path, fields))
            used |= {f"{part.name}_{what}" for what in ("structure", "types", "format")}
    statement = parse(fields.get("query", "").encode())
    if statement.takes_data:
        raise ClickHouseError(BAD_ARGUMENTS, "An INSERT takes its data as the body, not as a form")
    return Intake(statement, fields, folder, tables=tuple(tables), body_bytes=count, _used=frozenset(used))


def _table(name: str, path: Path, fields: Mapping[str, str]) -> ExternalTable:
    structure, types = fields.get(f"{name}_structure"), fields.get(f"{name}_types")
    if structure is None and types is None:
        raise ClickHouseError(BAD_ARGUMENTS, f"External table {name} needs {name}_structure or {name}_types")
    return ExternalTable(name, structure, types or "", fields.get(f"{name}_format", "TabSeparated"), path)
