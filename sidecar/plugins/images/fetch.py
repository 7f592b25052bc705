"""Fetching a picture from an address that a stranger wrote: https, public hosts, checked redirects, capped bytes and time."""

import asyncio
import re
from collections.abc import Collection
from typing import Self

import aiohttp
from yarl import URL

from sidecar.errors import Permanent, Retryable
from sidecar.plugins.images.addresses import CheckedResolver

REDIRECTS = 5
LONGEST_WAIT_S = 300.0
RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_HOST = re.compile(r"[A-Za-z0-9._-]+\Z|[0-9A-Fa-f:.]+(%.+)?\Z")
USER_AGENT = "Chattrail image archiver"


class Fetcher:
    """Downloads pictures by URL. Reasons never quote a URL: it may be a signed link, and reasons are stored and logged."""

    def __init__(self, *, max_bytes: int, timeout_s: float, loopback_hosts: Collection[str] = ()) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._loopback_hosts = frozenset(loopback_hosts)
        self._resolver = CheckedResolver(loopback_hosts)
        self._session = aiohttp.ClientSession(
            # a connection is never shared between two pictures, so none outlives the check of its address
            connector=aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, force_close=True),
            headers={"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, address: str) -> bytes:
        """Return the bytes behind a URL. Raises Permanent when that can't succeed later either, else Retryable."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(address)
        except TimeoutError:
            raise Retryable(f"the picture did not arrive within {self._timeout_s:g} s") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Permanent("the picture's URL is not valid") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"the picture's host can't be reached ({type(error).__name__})") from None

    async def _follow(self, address: str) -> bytes:
        url = self._checked(address)
        for _ in range(REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                    url = self._checked(response.headers["Location"], base=url)
                    continue
                raise_for_status(response.status, response.headers.get("Retry-After"))
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise Permanent("the picture's host sent it compressed, though it was asked not to")
                return await read_capped(response, self._max_bytes)
        raise Permanent(f"the picture's host redirects more than {REDIRECTS} times")

    def _checked(self, address: str, base: URL | None = None) -> URL:
        try:
            url = URL(address) if base is None else base.join(URL(address))
            host, port = url.raw_host, url.port
        except ValueError:
            raise Permanent("the picture's URL is not valid") from None
        if not host or not _HOST.match(host) or url.scheme not in ("http", "https"):
            raise Permanent("the picture's URL is not an https URL")
        if url.user is not None or url.password is not None:
            raise Permanent("the picture's URL holds a user name or password")
        if host not in self._loopback_hosts and (url.scheme != "https" or port != 443):
            raise Permanent("the picture's URL is not https on port 443")
        if _is_literal(host):  # the connector asks the resolver about names only
            self._resolver.check(host, host)
        return url.with_fragment(None)


def raise_for_status(status: int, retry_after: str | None = None) -> None:
    """Raise Retryable or Permanent unless the HTTP status is 200."""
    if status == 200:
        return
    if status in RETRIED:
        after = float(retry_after) if retry_after and retry_after.isdecimal() else 1.0
        raise Retryable(f"the picture's host answered {status}", after=min(after, LONGEST_WAIT_S))
    raise Permanent(f"the picture's host answered {status}")


async def read_capped(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read a body while counting. Raises Permanent when it is longer than `max_bytes`, whatever it announced."""
    too_large = Permanent(f"the picture is larger than {max_bytes} bytes")
    if (response.content_length or 0) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        if len(body) + len(chunk) > max_bytes:
            raise too_large
        body += chunk
    return bytes(body)


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
