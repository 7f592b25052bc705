"""Cloudflare Images on loopback: the API, the upload addresses and the delivery, without Cloudflare.

Written from the public documentation (https://developers.cloudflare.com/images/, .../api/resources/images/,
.../fundamentals/api/reference/limits). Where that is ambiguous the strictest reading is implemented, with a comment.
"""

import asyncio
import contextlib
import hmac
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from stack.simulators.cloudflare.delivery import VARIANTS, is_allowed, resized
from stack.simulators.cloudflare.forms import read_form
from stack.simulators.cloudflare.images import Images
from stack.simulators.cloudflare.limits import RateLimit
from stack.simulators.cloudflare.wire import Fault, RefusedError, envelope
from stack.simulators.loopback import LoopbackServer

Handler = Callable[[web.Request], Awaitable[web.Response]]
_ACCOUNT = "/client/v4/accounts/{account}/images"
_LARGEST_METADATA = 1024


class CloudflareServer(LoopbackServer):
    """One account with one API token, as an async context manager. Port 0 takes a free one.

    All is in memory; with a `folder` the images are kept there too.

    `api_url` is the base that a client of the API takes, `delivery_url` the base of images' addresses. `clock` is its
    time in seconds since 1970; one that runs fast makes the rate limit's five minutes short.
    """

    def __init__(
        self,
        *,
        account_id: str = "0123456789abcdef0123456789abcdef",
        token: str = "cloudflare-test-token",  # noqa: S107 - no secret: there is no such account
        account_hash: str = "Vi7wi5KSItxGFsWRG2Us6Q",
        signing_key: str = "cloudflare-test-signing-key",
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        folder: Path | None = None,
    ) -> None:
        self.account_id, self.token = account_id, token
        self.account_hash, self.signing_key = account_hash, signing_key
        super().__init__(host, port, shutdown_s=0.1)
        self._clock = clock
        self.images = Images(folder)
        self.limit = RateLimit(clock)
        self.answers: Counter[tuple[str, int]] = Counter()
        """How often each route answered with each HTTP status; a cut connection counts as 0."""
        self._faults: list[Fault] = []

    def _application(self) -> web.Application:
        app = web.Application()
        api: tuple[tuple[str, str, str, Handler], ...] = (
            ("POST", "/v2/direct_upload", "direct_upload", self._direct_upload),
            ("GET", "/v1", "list", self._list),
            ("GET", "/v1/{id}", "details", self._details),
            ("GET", "/v1/{id}/blob", "blob", self._blob),
            ("DELETE", "/v1/{id}", "delete", self._delete),
        )
        for method, path, name, handler in api:
            app.router.add_route(method, _ACCOUNT + path, self._route(name, handler, with_token=True))
        app.router.add_get("/_simulation", self._report)
        app.router.add_post("/_simulation/faults", self._order_faults)
        app.router.add_post("/{hash}/{id}", self._route("upload", self._upload))
        app.router.add_get("/{hash}/{id}/{variant}", self._route("deliver", self._deliver))
        app.router.add_route("*", "/{rest:.*}", self._route("unknown", _no_route))
        return app

    @property
    def delivery_url(self) -> str:
        """The base of images' addresses, without a slash at the end; the account's hash comes after it."""
        return self.url

    @property
    def api_url(self) -> str:
        """The base address of the API."""
        return f"{self.delivery_url}/client/v4"

    def fail(self, *faults: Fault) -> None:
        """Order faults; each waits for its route."""
        self._faults.extend(faults)

    def _route(self, name: str, handler: Handler, *, with_token: bool = False) -> Handler:
        async def answered(request: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            fault = None
            try:
                if with_token:
                    self._check_token(request)
                    headers = self.limit.count()
                fault = self._take_fault(name)
                instead = await fault.before(request) if fault is not None else None
                answer = instead if instead is not None else await handler(request)
            except RefusedError as refused:
                answer = envelope(None, refused)
            answer.headers.update(headers)
            if fault is not None and answer.status < 400:
                answer = await fault.after(request, answer)
            is_open = request.transport is not None and not request.transport.is_closing()
            self.answers[name, answer.status if is_open else 0] += 1
            return answer

        return answered

    def _take_fault(self, name: str) -> Fault | None:
        for fault in self._faults:
            if fault.route in ("*", name):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("Authorization")
        if given is None:
            raise RefusedError(9106)
        scheme, _, token = given.partition(" ")
        if scheme != "Bearer" or not token.strip():
            raise RefusedError(6003)
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise RefusedError(10000)
        account = request.match_info["account"]
        if not re.fullmatch("[0-9a-f]{32}", account):
            raise RefusedError(7003)
        if account != self.account_id:
            raise RefusedError(5403)

    async def _direct_upload(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        fields = {name: part.content.decode(errors="replace") for name, part in form.items()}
        metadata = fields.get("metadata", "{}")
        parsed = None
        with contextlib.suppress(ValueError):
            parsed = json.loads(metadata)
        if not isinstance(parsed, dict) or len(metadata.encode()) > _LARGEST_METADATA:
            raise RefusedError(5400, message="metadata must be a JSON object of at most 1024 bytes")
        record = self.images.draft(
            private=fields.get("requireSignedURLs") == "true",
            metadata=parsed,
            expiry=fields.get("expiry", ""),
            custom_id=fields.get("id", ""),
            now=self._clock(),
        )
        # the host of the request, so that a proxy in front of the API is in front of uploads too
        return envelope({"id": record.id, "uploadURL": f"http://{request.host}/{self.account_hash}/{record.id}"})

    async def _upload(self, request: web.Request) -> web.Response:
        if request.match_info["hash"] != self.account_hash:
            raise RefusedError(5403)
        form = await read_form(request)
        if "file" not in form:
            raise RefusedError(5400, message="the form has no file")
        part = form["file"]
        if not part.content_type.startswith("image/"):
            raise RefusedError(5455)
        # a client may have given up and deleted the draft while it was uploading; then this is refused
        record = self.images.fill(request.match_info["id"], part.content, part.filename, self._clock())
        return envelope(self._as_json(record.id))

    async def _details(self, request: web.Request) -> web.Response:
        return envelope(self._as_json(request.match_info["id"]))

    async def _list(self, request: web.Request) -> web.Response:
        page, size = request.query.get("page", "1"), request.query.get("per_page", "1000")
        if not page.isdecimal() or not size.isdecimal() or int(page) < 1 or not 10 <= int(size) <= 10_000:
            raise RefusedError(5400)
        start = (int(page) - 1) * int(size)
        found = self.images.finished()[start : start + int(size)]
        return envelope({"images": [self._as_json(record.id) for record in found]})

    async def _blob(self, request: web.Request) -> web.Response:
        record = self.images.find(request.match_info["id"])
        if record.content is None:
            raise RefusedError(5404)
        return web.Response(body=record.content, content_type=record.content_type)

    async def _delete(self, request: web.Request) -> web.Response:
        self.images.remove(request.match_info["id"])
        return envelope({})

    async def _deliver(self, request: web.Request) -> web.Response:
        longest = VARIANTS.get(request.match_info["variant"])
        if request.match_info["hash"] != self.account_hash or longest is None:
            raise RefusedError(5401)
        record = self.images.find(request.match_info["id"])
        if record.content is None:
            raise RefusedError(5404)
        if record.private and not is_allowed(request.path, request.query_string, self.signing_key, self._clock()):
            return web.Response(status=403, text="this image needs a signed address that has not expired")
        body = await asyncio.to_thread(resized, record.content, longest)
        return web.Response(body=body, content_type=record.content_type)

    async def _report(self, _request: web.Request) -> web.Response:
        """Report the content and the answers to a test that runs this as a process."""
        report = {
            "records": [record.summary() for record in self.images.records.values()],
            "answers": {f"{name} {status}": count for (name, status), count in self.answers.items()},
            "refused_by_limit": self.limit.refused,
            "faults": len(self._faults),
        }
        return web.json_response(report)

    async def _order_faults(self, request: web.Request) -> web.Response:
        self.fail(*(Fault(**fault) for fault in await request.json()))
        return web.Response(status=204)

    def _as_json(self, image_id: str) -> dict[str, Any]:
        return self.images.find(image_id).as_json(f"{self.delivery_url}/{self.account_hash}", VARIANTS)


async def _no_route(_request: web.Request) -> web.Response:
    raise RefusedError(7003)
