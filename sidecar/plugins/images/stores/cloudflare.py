"""Images in Cloudflare Images: private, so each is begun as a draft, and its id is known before its bytes leave.

Source: https://developers.cloudflare.com/images/upload-images/direct-creator-upload/
"""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, ClassVar

import aiohttp
from yarl import URL

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.answer import read_answer
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import Note, StorePausedError, Upload
from sidecar.plugins.images.stores.cloudflare_errors import NOT_FOUND, refusal
from sidecar.plugins.images.stores.rate_limiter import RateLimiter

MAX_BYTES = 10_000_000
MAX_SIDE = 12_000
MAX_PIXELS = 100_000_000
PERIOD_S = 300.0
_KEY = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_LARGEST_ANSWER = 1 << 20


class CloudflareStore:
    """Keeps images under ids that Cloudflare gives. Reasons and errors hold neither the token nor any address.

    A put costs two requests of the account's rate: draft and confirmation. The upload needs no token and costs none.
    """

    name: ClassVar[str] = "cloudflare_images"

    def __init__(self, config: ImagesSettings, limiter: RateLimiter | None) -> None:
        assert config.cloudflare_api_token is not None  # checked with the other settings
        self._images = f"{config.cloudflare_api_url.rstrip('/')}/accounts/{config.cloudflare_account_id}/images"
        self._is_secure = URL(config.cloudflare_api_url).scheme == "https"
        self._headers = {"Authorization": f"Bearer {config.cloudflare_api_token.get_secret_value()}"}
        self._timeout_s = config.store_timeout_s
        self._limiter = limiter
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the file of the rate limit. Asks Cloudflare nothing: events are taken whether or not it answers."""
        if self._session is not None:
            return
        if self._limiter is not None:
            try:
                await asyncio.to_thread(self._limiter.open)
            except OSError as error:
                raise RetryableError(f"the file of Cloudflare's request times can't be used: {error}") from None
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def put(self, image: Upload, note: Note) -> str:
        """Begin a draft, note its id, upload, confirm. Raises PermanentError above the limits, RetryableError, StorePausedError."""
        _check(image)
        async with self._room(2):
            key, address = await self._draft(image)
            try:
                await note(key)
            except BaseException:  # a draft whose id is lost would never be removed
                await self._call("DELETE", self._address(key))
                raise
            await self._upload(address, image)
            if not await self._is_there(key):
                raise RetryableError("Cloudflare took the upload and still calls it a draft")
        return key

    async def settle(self, key: str) -> bool:
        """Whether a noted image's bytes arrived; a draft that has none is removed."""
        async with self._room(1):
            there = await self._is_there(key)
        if there is False:
            await self.delete(key)
        return bool(there)

    async def delete(self, key: str) -> None:
        """Remove an image or a draft; nothing happens when it is not there."""
        async with self._room(1):
            await self._call("DELETE", self._address(key))

    async def close(self) -> None:
        """Close connections and the file of the rate limit. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._limiter is not None:
            self._limiter.close()

    async def _draft(self, image: Upload) -> tuple[str, URL]:
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("requireSignedURLs", "true")
        form.add_field("metadata", json.dumps({"sha256": image.sha256}))
        result = await self._call("POST", f"{self._images}/v2/direct_upload", form)
        key, address = (result or {}).get("id"), (result or {}).get("uploadURL")
        if not isinstance(key, str) or not _KEY.match(key) or not isinstance(address, str):
            raise RetryableError("Cloudflare began a draft without telling where it is")
        url = URL(address)
        if url.scheme != "https" and (self._is_secure or url.scheme != "http"):
            raise RetryableError("Cloudflare named an upload address that is not https")
        return key, url

    async def _upload(self, address: URL, image: Upload) -> None:
        form = aiohttp.FormData()
        name = f"{image.sha256[:16]}.{image.extension}"
        form.add_field("file", io.BytesIO(image.content), filename=name, content_type=image.media_type)
        await self._call("POST", address, form, with_token=False)

    async def _is_there(self, key: str) -> bool | None:
        """True: bytes and all. False: a draft. None: not known there."""
        result = await self._call("GET", self._address(key))
        if result is None:
            return None
        if result.get("requireSignedURLs") is not True:
            await self._call("DELETE", self._address(key))
            raise PermanentError("Cloudflare did not make the image private, so it was removed there")
        return result.get("draft") is not True

    async def _call(
        self, method: str, url: str | URL, form: aiohttp.FormData | None = None, *, with_token: bool = True
    ) -> dict[str, Any] | None:
        """Make one request and return its result, or None when there is no such image. Raises what `refusal` says."""
        if self._session is None:
            raise RetryableError("the Cloudflare store has not started")
        headers = self._headers if with_token else {}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.request(method, url, data=form, headers=headers, allow_redirects=False) as response,
            ):
                body = await _envelope(response)
        except TimeoutError:
            raise RetryableError(f"Cloudflare did not answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"Cloudflare can't be reached ({type(error).__name__})") from None
        if body.get("success") is True and response.status < 300:
            result = body.get("result")
            return result if isinstance(result, dict) else {}
        listed = errors if isinstance(errors := body.get("errors"), list) else []
        codes = [code for one in listed if isinstance(one, dict) and isinstance(code := one.get("code"), int)]
        # only its own word counts: an image must not pass for erased because a proxy answered 404
        if NOT_FOUND.intersection(codes) and form is None:
            return None
        refused = refusal(response.status, codes, response.headers.get("Retry-After"))
        if response.status == 429 and isinstance(refused, StorePausedError) and self._limiter is not None:
            self._limiter.pause(refused.after)
        raise refused

    @asynccontextmanager
    async def _room(self, count: int) -> AsyncIterator[None]:
        try:
            async with self._limiter.requests(count) if self._limiter is not None else nullcontext():
                yield
        except OSError as error:
            raise RetryableError(f"the file of Cloudflare's request times can't be used ({error})", after=5) from None

    def _address(self, key: str) -> str:
        if not _KEY.match(key):  # a key comes back from a database: it must not lead to another address
            raise PermanentError("not a key of Cloudflare Images")
        return f"{self._images}/v1/{key}"


def _check(image: Upload) -> None:
    if len(image.content) > MAX_BYTES:
        raise PermanentError("Cloudflare takes images of at most 10 MB")
    if max(image.width, image.height) > MAX_SIDE:
        raise PermanentError(f"Cloudflare takes images of at most {MAX_SIDE} pixels a side")
    if image.width * image.height > MAX_PIXELS:
        raise PermanentError("Cloudflare takes images of at most 100 megapixels")


async def _envelope(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the API's envelope, an empty one when the answer is something else, such as a proxy's page."""
    content = await read_answer(response, _LARGEST_ANSWER)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):  # the latter: nested without end
        return {}
    return body if isinstance(body, dict) else {}
