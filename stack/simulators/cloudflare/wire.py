"""The envelope of Cloudflare's API, its documented errors, and the faults that a test orders."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

# code -> (HTTP status, message); the codes of Cloudflare Images as its API reference lists them, then those of the API itself
ERRORS: dict[int, tuple[int, str]] = {
    5400: (400, "Bad Request"),
    5401: (404, "Variant not found"),
    5403: (403, "The given account is not valid or is not authorized to access this service"),
    5404: (404, "Image not found"),
    5408: (408, "Client was sending upload too slowly"),
    5409: (409, "Resource already exists"),
    5413: (413, "Maximum image size of 10 MB is reached"),
    5415: (415, "Images must be uploaded as a form, not as raw image data. Please use multipart/form-data format"),
    5433: (400, "Request has been aborted by the client"),
    5450: (500, "Error while receiving upload"),
    5453: (403, "The given account has reached a service limit"),
    5455: (415, "Uploaded image must have image/jpeg, image/png, image/webp, image/gif or image/svg+xml content-type"),
    5500: (500, "Internal Server Error"),
    5503: (503, "Service Unavailable"),
    5540: (502, "Error received from the storage"),
    5541: (500, "Error while purging cache"),
    5542: (500, "Error while loading account"),
    5543: (500, "Error during audit"),
    5544: (500, "Error during abuse operation"),
    5550: (500, "Internal Server Error"),
    971: (429, "Please wait and consider throttling your request speed"),
    6003: (400, "Invalid request headers"),
    7003: (404, "Could not route to the given path, perhaps your object identifier is invalid?"),
    9106: (400, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"),
    10000: (401, "Authentication error"),
}
HANG_S = 3600.0


class RefusedError(Exception):
    """A request that is answered with an error of the API."""

    def __init__(self, code: int, *, message: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.message, self.headers = code, message or ERRORS[code][1], headers or {}


@dataclass(slots=True)
class Fault:
    """A fault of the next `times` requests of a route (`*`: any).

    `error` answers with `code`; `page` with `status` and `text`, not JSON; `cut` closes the connection before the work;
    `slow` answers after `seconds`; `lost` does the work, then closes the connection; `hang` does it and never answers.
    """

    kind: Literal["error", "page", "cut", "slow", "lost", "hang"]
    route: str = "*"
    code: int = 5503
    status: int = 502
    seconds: float = 0.0
    retry_after: int | None = None
    times: int = 1
    text: str = "<html>a proxy's page</html>"

    async def before(self, request: web.Request) -> web.Response | None:
        """Inject what comes before the work. A response replaces the work."""
        await asyncio.sleep(self.seconds)
        if self.kind == "error":
            after = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise RefusedError(self.code, headers=after)
        if self.kind == "page":
            return web.Response(status=self.status, text=self.text, content_type="text/html")
        return cut(request) if self.kind == "cut" else None

    async def after(self, request: web.Request, response: web.Response) -> web.Response:
        """Inject what comes after the work."""
        if self.kind == "hang":
            await asyncio.sleep(HANG_S)
        return cut(request) if self.kind in ("lost", "hang") else response


def cut(request: web.Request) -> web.Response:
    """Close the connection of a request."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def envelope(result: dict[str, Any] | None, refused: RefusedError | None = None) -> web.Response:
    """Answer with the envelope around a result or an error."""
    errors = [{"code": refused.code, "message": refused.message}] if refused else []
    status, headers = (ERRORS[refused.code][0], refused.headers) if refused else (200, None)
    body = {"result": result, "success": refused is None, "errors": errors, "messages": []}
    return web.json_response(body, status=status, headers=headers)
