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
    form = Form(dict(fields))
    received = count = of_fields = 0

    async def chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
        nonlocal received
        while chunk := await pace.take(part.read_chunk(CHUNK)):
            received += len(chunk)
            if received > limit:
                raise ClickHouseError(Code.TOO_MANY_BYTES, f"The request body is larger than {limit} bytes")
            yield chunk

    try:
        reader = await request.multipart()
        while (part := await pace.wait(reader.next())) is not None:
            if not isinstance(part, BodyPartReader) or not (name := part.name):
                raise ClickHouseError(Code.BAD_ARGUMENTS, "Each part of a form needs a name")
            of_name = len(name.encode())  # raises for what was not UTF-8
            count += 1
            if count > FORM_PARTS:
                raise ClickHouseError(Code.BAD_ARGUMENTS, f"A form may have {FORM_PARTS} parts at most")
            if part.filename is not None:
                path = folder / f"part{len(form.tables)}"
                with path.open("wb") as file:
                    async for chunk in chunks(part):
                        file.write(chunk)
                form.tables.append(_table(name, path, form.fields))
                form.used |= {f"{name}_{what}" for what in ("structure", "types", "format")}
                continue
            value = bytearray()
            of_fields += of_name + FIELD_COSTS
            async for chunk in chunks(part):
                value += chunk
                if of_fields + len(value) > FORM_FIELDS:
                    raise ClickHouseError(
                        Code.QUERY_IS_TOO_LARGE,
                        f"The fields of a form may have {FORM_FIELDS} bytes in all: send rows as files",
                    )
            of_fields += len(value)
            form.fields[name] = value.decode()
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError):  # aiohttp's words hold contents of the form
        raise ClickHouseError(
            Code.BAD_ARGUMENTS,
            "The body is no form that can be read: check its boundary and that names and fields are UTF-8",
        ) from None
    return form


def _table(name: str, path: Path, fields: Mapping[str, str]) -> ExternalTable:
    structure, types = fields.get(f"{name}_structure"), fields.get(f"{name}_types")
    if structure is None and types is None:
        raise ClickHouseError(Code.BAD_ARGUMENTS, f"External table {name} needs {name}_structure or {name}_types")
    return ExternalTable(name, structure, types or "", fields.get(f"{name}_format", "TabSeparated"), path)
