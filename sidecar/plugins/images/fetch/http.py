"""Fetching an image from an untrusted URL: https, public hosts, checked redirects, capped bytes and time."""

import asyncio
from functools import partial

import aiohttp

from common.retry_after import asked_to_wait
from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.fetch.addresses import CheckedResolver, DnsLookup, Lookup
from sidecar.plugins.images.fetch.urls import checked_url
from sidecar.plugins.images.settings import ImagesSettings

REDIRECTS = 5
LONGEST_WAIT_S = 300.0
RETRIED = frozenset({408, 425, 429, *range(500, 600)})
USER_AGENT = "Chattrail image archiver"


class Fetcher:
    """Downloads images by URL. Reasons never quote a URL: it may be a signed link, and reasons are stored and logged.

    Nor does an error: the failed request is not its cause or context.
    """

    def __init__(self, config: ImagesSettings, lookup: Lookup | None = None) -> None:
        self._max_bytes = config.max_bytes
        self._timeout_s = config.timeout_s
        self._checked = partial(checked_url, exempt=frozenset(config.loopback_hosts), allow_http=config.allow_http)
        resolver = CheckedResolver(lookup or DnsLookup(), config.loopback_hosts)
        self._session = aiohttp.ClientSession(
            # a connection is never shared between two images, so none outlives the check of its address
            connector=aiohttp.TCPConnector(
                resolver=resolver, use_dns_cache=False, force_close=True, limit=0, socket_factory=resolver.socket_to
            ),
            headers={"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # so that no decompression bomb is inflated, whatever encoding is claimed
            trust_env=False,  # a proxy would connect to an unchecked address; .netrc holds passwords
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, address: str) -> bytes:
        """Return the bytes behind a URL. Raises PermanentError when that can't succeed later either, else RetryableError."""
        failure: PermanentError | RetryableError
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(address)
        except (PermanentError, RetryableError) as error:
            failure = without_cause(error)
        except TimeoutError:
            failure = RetryableError(f"the image did not arrive within {self._timeout_s:g} s")
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch):
            failure = RetryableError("the image's host has no valid certificate, or speaks no TLS")
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            failure = PermanentError("the image's URL is not valid")
        except (aiohttp.ClientError, OSError) as error:
            failure = RetryableError(f"the image's host can't be reached ({type(error).__name__})")
        raise failure

    async def _follow(self, address: str) -> bytes:
        url = self._checked(address)
        for _ in range(REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                    url = self._checked(response.headers["Location"], url)
                    continue
                raise_for_status(response)
                codings = ",".join(response.headers.getall("Content-Encoding", [])).lower().split(",")
                if {coding.strip() for coding in codings} - {"", "identity"}:
                    raise PermanentError("the image's host sent it compressed, though it was asked not to")
                return await read_capped(response, self._max_bytes)
        raise PermanentError(f"the image's host redirects more than {REDIRECTS} times")


def without_cause(error: PermanentError | RetryableError) -> PermanentError | RetryableError:
    """Return the error without its cause and traceback: these hold links, in requests that failed."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def raise_for_status(response: aiohttp.ClientResponse) -> None:
    """Raise RetryableError or PermanentError unless the HTTP status is 200."""
    status = response.status
    if status == 200:
        return
    if status in RETRIED:
        after = asked_to_wait(response.headers)
        after = 1.0 if after is None else min(after, LONGEST_WAIT_S)
        raise RetryableError(f"the image's host answered {status}", after=after)
    raise PermanentError(f"the image's host answered {status}")


async def read_capped(response: aiohttp.ClientResponse, max_bytes: int, what: str = "image") -> bytes:
    """Read a body while counting. Raises PermanentError when it is longer than `max_bytes`, whatever it announced."""
    too_large = PermanentError(f"the {what} is larger than {max_bytes} bytes")
    if (response.content_length or 0) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        if len(body) + len(chunk) > max_bytes:
            raise too_large
        body += chunk
    return bytes(body)
