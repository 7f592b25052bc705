"""Sending a query's answer: whole with its length when it is small or waited for, else piece by piece."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from common.http_runner import taken
from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.execution import Execution

IN_MEMORY: Final = 1 << 20
COUNTS: Final = (
    "read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes",
    "elapsed_ns",
)  # fmt: skip
UTF8: Final = "; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class QueryResponse:
    """Sends one answer. `words` turns an error into the text that clients read.

    A client that does not take a megabyte within `patience_s` seconds loses its connection: ConnectionError is raised.
    `on_end` is called when the query has ended and only sending is left.
    """

    request: web.Request
    execution: Execution
    headers: dict[str, str]
    coding: str | None
    words: Callable[[ClickHouseError], str]
    patience_s: float
    on_end: Callable[[], None]

    async def whole(self) -> web.StreamResponse:
        """Wait for the end of the query (wait_end_of_query=1): an error has its status, the summary is complete."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self.execution.job.folder)) as spool:
            size = 0
            while not self.execution.finished:
                piece = await self._next()
                size += len(piece)
                spool.write(piece)
            spool.seek(0)
            self._describe(size > 0)
            self._count()
            if size <= IN_MEMORY:
                return web.Response(body=spool.read(), headers=self.headers)
            response = web.StreamResponse(headers=self.headers)
            response.content_length = size
            while piece := await asyncio.to_thread(spool.read, IN_MEMORY):
                await self._write(response, piece)
            await taken(self.request, response.write_eof(), self.patience_s)
            return response

    async def stream(self) -> web.StreamResponse:
        """Send as the query goes; a failure after the first megabyte stands at the end of the body."""
        first = await self._next()
        self._describe(bool(first))
        self._count()
        if self.execution.finished and len(first) <= IN_MEMORY:
            return web.Response(body=first, headers=self.headers)
        response = web.StreamResponse(headers=self.headers)
        await self._write(response, first)
        del first
        try:
            while not self.execution.finished:
                await self._write(response, await self._next())
        except ClickHouseError as error:
            await self._break_off(response, error)
            return response
        await taken(self.request, response.write_eof(), self.patience_s)
        return response

    async def _next(self) -> bytes:
        piece = await self.execution.next()
        if self.execution.finished:
            self.on_end()
        return piece

    async def _write(self, response: web.StreamResponse, piece: bytes) -> None:
        if not response.prepared:
            await response.prepare(self.request)
        view = memoryview(piece)
        for at in range(0, len(view), IN_MEMORY):
            await taken(self.request, response.write(view[at : at + IN_MEMORY]), self.patience_s)

    async def _break_off(self, response: web.StreamResponse, error: ClickHouseError) -> None:
        # the status is gone already: the text goes between marks that only this answer knows, and the missing last
        # chunk tells clients that know no marks
        tag = self.headers["X-ClickHouse-Exception-Tag"]
        text = self.words(error)
        framed = f"\r\n__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__\r\n".encode()
        deflater = self.execution.deflater
        await self._write(response, deflater.compress(framed) + deflater.flush())
        if self.request.transport is not None:
            self.request.transport.close()

    def _describe(self, has_body: bool) -> None:
        output_format = self.execution.job.output_format
        if not has_body and not self.execution.job.reads:
            return
        self.headers["Content-Type"] = content_type(output_format)
        self.headers["X-ClickHouse-Format"] = output_format
        if has_body and self.coding:
            self.headers["Content-Encoding"] = self.coding

    def _count(self) -> None:
        counted = summary(self.execution.job.progress)
        self.headers["X-ClickHouse-Summary"] = counted
        if self.request.query.get("send_progress_in_http_headers", "0") not in ("", "0"):
            self.headers["X-ClickHouse-Progress"] = counted


def content_type(name: str) -> str:
    """The media type of an output format."""
    if name.startswith(("TabSeparated", "TSV", "Raw")):
        return "text/tab-separated-values" + UTF8
    if name.startswith("CSV"):
        return f"text/csv{UTF8}; header={'present' if 'Names' in name else 'absent'}"
    if "EachRow" in name or name in ("JSONLines", "NDJSON", "JSONL"):
        return "application/x-ndjson" + UTF8
    if name.startswith("JSON"):
        return "application/json" + UTF8
    if name == "XML":
        return "application/xml" + UTF8
    if name.startswith(("Native", "RowBinary", "Parquet", "Arrow", "ORC", "Protobuf", "MsgPack", "Avro", "RawBLOB")):
        return "application/octet-stream"
    return "text/plain" + UTF8


def summary(progress: Mapping[str, int]) -> str:
    """X-ClickHouse-Summary and X-ClickHouse-Progress: counts as strings."""
    return json.dumps({name: str(progress.get(name, 0)) for name in COUNTS}, separators=(",", ":"))
