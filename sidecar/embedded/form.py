"""Forms (multipart/form-data): fields, and external tables as files."""

import dataclasses
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from common.body_time import Pace
from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.tree import LONGEST_QUERY
from sidecar.embedded.job import ExternalTable

CHUNK: Final = 64 << 10
FORM_FIELDS: Final = 2 * LONGEST_QUERY  # bytes of all fields of a form, names and values, of which one is the query
FORM_PARTS: Final = 1000
FIELD_COSTS: Final = 64  # bytes, beside its text


@dataclasses.dataclass(slots=True)
class Form:
    """What a form holds; `used` are the fields that say what its tables are."""

    fields: dict[str, str]
    tables: list[ExternalTable] = dataclasses.field(default_factory=list)
    used: set[str] = dataclasses.field(default_factory=set)


async def read(request: web.Request, fields: Mapping[str, str], folder: Path, limit: int, pace: Pace) -> Form:
    """Read a form; its fields are added to those of the address, its files go to `folder`. Raises ClickHouseError."""
    parts, form = _Parts(request, pace, limit), Form(dict(fields))
    try:
        async for name, filename in parts:
            if filename is None:
                form.fields[name] = await parts.text(name)
            else:
                path = folder / f"part{len(form.tables)}"
                await parts.save(path)
                form.tables.append(_table(name, path, form.fields))
                form.used |= {f"{name}_{what}" for what in ("structure", "types", "format")}
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError):  # aiohttp's words hold contents of the form
        raise ClickHouseError(
            Code.BAD_ARGUMENTS,
            "The body is no form that can be read: check its boundary and that names and fields are UTF-8",
        ) from None
    return form


class _Parts:
    """The parts of a form, one after another: iterate over names and file names, and take each with `text` or `save`."""

    def __init__(self, request: web.Request, pace: Pace, limit: int) -> None:
        self._request = request
        self._pace = pace
        self._limit = limit
        self._received = self._fields = 0
        self._part: BodyPartReader

    async def __aiter__(self) -> AsyncIterator[tuple[str, str | None]]:
        reader = await self._request.multipart()
        count = 0
        while (part := await self._pace.wait(reader.next())) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise ClickHouseError(Code.BAD_ARGUMENTS, "Each part of a form needs a name")
            part.name.encode()  # raises for what was not UTF-8
            count += 1
            if count > FORM_PARTS:
                raise ClickHouseError(Code.BAD_ARGUMENTS, f"A form may have {FORM_PARTS} parts at most")
            self._part = part
            yield part.name, part.filename

    async def text(self, name: str) -> str:
        """A field."""
        self._fields += len(name) + FIELD_COSTS
        value = bytearray()
        async for chunk in self._chunks():
            self._fields += len(chunk)
            if self._fields > FORM_FIELDS:
                raise ClickHouseError(
                    Code.QUERY_IS_TOO_LARGE,
                    f"The fields of a form may have {FORM_FIELDS} bytes in all: send rows as files",
                )
            value += chunk
        return value.decode()

    async def save(self, path: Path) -> None:
        """A file."""
        with path.open("wb") as file:
            async for chunk in self._chunks():
                file.write(chunk)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self._pace.take(self._part.read_chunk(CHUNK)):
            self._received += len(chunk)
            if self._received > self._limit:
                raise ClickHouseError(Code.TOO_MANY_BYTES, f"The request body is larger than {self._limit} bytes")
            yield chunk


def _table(name: str, path: Path, fields: Mapping[str, str]) -> ExternalTable:
    structure, types = fields.get(f"{name}_structure"), fields.get(f"{name}_types")
    if structure is None and types is None:
        raise ClickHouseError(Code.BAD_ARGUMENTS, f"External table {name} needs {name}_structure or {name}_types")
    return ExternalTable(name, structure, types or "", fields.get(f"{name}_format", "TabSeparated"), path)
