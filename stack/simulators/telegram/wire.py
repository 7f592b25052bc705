"""Parameters of a call to the Bot API, and the `{"ok": …}` envelope of its answer.

Parameters arrive as a query string, a form, multipart or JSON; objects inside a form are JSON text. The wording of
errors is that of the real server, because bots and libraries match on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, ClientResponse, MultipartReader, web

Json = dict[str, Any]

TRUE_WORDS = frozenset({"true", "yes", "1", "t", "y"})


class ApiError(Exception):
    """A refused call: becomes `{"ok": false, "error_code": …, "description": …}` with the code as HTTP status."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code, self.description, self.parameters = code, description, parameters


def bad_request(reason: str) -> ApiError:
    """Build the 400 that the server gives for a parameter it cannot use."""
    return ApiError(400, f"Bad Request: {reason}")


def too_many_requests(seconds: int) -> ApiError:
    """Build the 429 with the seconds to wait."""
    return ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def success(result: Any) -> web.Response:
    """Wrap a method's result."""
    return web.json_response({"ok": True, "result": result})


def failure(error: ApiError) -> web.Response:
    """Wrap an error."""
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    return web.json_response(body | ({"parameters": error.parameters} if error.parameters else {}), status=error.code)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the request."""

    name: str
    content_type: str
    data: bytes


class Params:
    """The parameters of one call, read by type. An empty value counts as missing, as with the real server."""

    def __init__(self, values: Mapping[str, Any], files: Mapping[str, Upload] | None = None) -> None:
        self._values, self._files = values, files or {}

    def text(self, name: str) -> str | None:
        """Return the value as text."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str) -> int | None:
        """Return the value as a whole number; what is not a number counts as missing."""
        try:
            return int(self.text(name) or "")
        except ValueError:
            return None

    def flag(self, name: str) -> bool:
        """Return the value as a boolean; missing is False."""
        return (self.text(name) or "").lower() in TRUE_WORDS

    def structure(self, name: str) -> Any:
        """Return an object or a list, which a form carries as JSON text. Raises the server's 400 for broken JSON."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def mapping(self, name: str) -> Json:
        """Return an object, empty when missing. Raises the server's 400 for anything else."""
        value = self.structure(name)
        if not isinstance(value, dict | None):
            raise bad_request(f"object expected as {name.replace('_', ' ')}")
        return value or {}

    def array(self, name: str) -> list[Any] | None:
        """Return a list. Raises the server's 400 for anything else."""
        value = self.structure(name)
        if not isinstance(value, list | None):
            raise bad_request(f"can't parse {name.replace('_', ' ')}: Expected an Array")
        return value

    def upload(self, name: str) -> Upload | None:
        """Return the uploaded file of this field, or the one that its `attach://<field>` value names."""
        return self._files.get(name) or self.attached(self.text(name) or "")

    def attached(self, reference: str) -> Upload | None:
        """Return the file that `attach://<field>` names; None when the reference is of another kind."""
        if not reference.startswith("attach://"):
            return None
        upload = self._files.get(reference.removeprefix("attach://"))
        if upload is None:
            raise bad_request("file attached by attach:// was not found in the request")
        return upload


async def read_params(request: web.Request) -> Params:
    """Read the query and the body of a call in any of the documented encodings."""
    values: dict[str, Any] = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        body = await request.text()
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(given, dict):
            raise bad_request("object expected as request body")
        values.update(given)
    elif request.method == "POST":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                with value.file:
                    files[name] = Upload(value.filename, value.content_type, value.file.read())
            else:
                values[name] = value
    elif request.content_type == "application/x-www-form-urlencoded":  # pyTelegramBotAPI sends GET with a body
        values.update(parse_qsl(await request.text(), keep_blank_values=True))
    return Params(values, files)


async def read_reply(response: ClientResponse) -> Params:
    """Read the answer of a webhook, which may be a call: JSON or multipart with a `method`. Raises ValueError."""
    if response.content_type == "application/json":
        given = await response.json()
        return Params(given if isinstance(given, dict) else {})
    values: dict[str, Any] = {}
    files: dict[str, Upload] = {}
    if response.content_type == "multipart/form-data":
        parts = MultipartReader.from_response(response)
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise ValueError("a part of the webhook's answer is not a form field")
            data = bytes(await part.read(decode=True))
            if part.filename:
                content_type = part.headers.get("Content-Type", "application/octet-stream")
                files[part.name] = Upload(part.filename, content_type, data)
            else:
                values[part.name] = data.decode()
    return Params(values, files)
