"""Sending a query's answer: whole with its length when it is small or waited for, else piece by piece."""

import asyncio
import tempfile
from collections.abc import Callable
from typing import Final

from aiohttp import web

from common.http_runner import taken
from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.execution import Execution
from sidecar.embedded.headers import content_type, summary

IN_MEMORY: Final = 1 << 20


class QueryResponse:
    """Sends one answer. `words` turns an error into the text that clients read.

    A client that does not take a megabyte within `patience_s` seconds loses its connection: ConnectionError is raised.
    `on_end` is called when the query has ended and only sending is left.
    """

    def __init__(
        self,
        request: web.Request,
        execution: Execution,
        headers: dict[str, str],
        coding: str | None,
        words: Callable[[ClickHouseError], str],
        patience_s: float,
        on_end: Callable[[], None],
    ) -> None:
        self._request = request
        self._execution = execution
        self._headers = headers
        self._coding = coding
        self._words = words
        self._patience_s = patience_s
        self._on_end = on_end

    async def whole(self) -> web.StreamResponse:
        """Wait for the end of the query (wait_end_of_query=1): an error has its status, the summary is complete."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(self._execution.job.folder)) as spool:
            size = 0
            while not self._execution.finished:
                piece = await self._next()
                size += len(piece)
                spool.write(piece)
            spool.seek(0)
            self._describe(size > 0)
            self._count()
            if size <= IN_MEMORY:
                return web.Response(body=spool.read(), headers=self._headers)
            response = web.StreamResponse(headers=self._headers)
            response.content_length = size
            while piece := await asyncio.to_thread(spool.read, IN_MEMORY):
                await self._write(response, piece)
            await taken(self._request, response.write_eof(), self._patience_s)
            return response

    async def stream(self) -> web.StreamResponse:
        """Send as the query goes; a failure after the first megabyte stands at the end of the body."""
        first = await self._next()
        self._describe(bool(first))
        self._count()
        if self._execution.finished and len(first) <= IN_MEMORY:
            return web.Response(body=first, headers=self._headers)
        response = web.StreamResponse(headers=self._headers)
        await self._write(response, first)
        del first
        try:
            while not self._execution.finished:
                await self._write(response, await self._next())
        except ClickHouseError as error:
            await self._break_off(response, error)
            return response
        await taken(self._request, response.write_eof(), self._patience_s)
        return response

    async def _next(self) -> bytes:
        piece = await self._execution.next()
        if self._execution.finished:
            self._on_end()
        return piece

    async def _write(self, response: web.StreamResponse, piece: bytes) -> None:
        if not response.prepared:
            await response.prepare(self._request)
        view = memoryview(piece)
        for at in range(0, len(view), IN_MEMORY):
            await taken(self._request, response.write(view[at : at + IN_MEMORY]), self._patience_s)

    async def _break_off(self, response: web.StreamResponse, error: ClickHouseError) -> None:
        # the status is gone already: the text goes between marks that only this answer knows, and the missing last
        # chunk tells clients that know no marks
        tag = self._headers["X-ClickHouse-Exception-Tag"]
        text = self._words(error)
        framed = f"\r\n__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__\r\n".encode()
        deflater = self._execution.deflater
        await self._write(response, deflater.compress(framed) + deflater.flush())
        if self._request.transport is not None:
            self._request.transport.close()

    def _describe(self, has_body: bool) -> None:
        output_format = self._execution.job.output_format
        if not has_body and not self._execution.job.reads:
            return
        self._headers["Content-Type"] = content_type(output_format)
        self._headers["X-ClickHouse-Format"] = output_format
        if has_body and self._coding:
            self._headers["Content-Encoding"] = self._coding

    def _count(self) -> None:
        counted = summary(self._execution.job.progress)
        self._headers["X-ClickHouse-Summary"] = counted
        if self._request.query.get("send_progress_in_http_headers", "0") not in ("", "0"):
            self._headers["X-ClickHouse-Progress"] = counted
