"""The corpus of attacks against a canary on this machine: hit 0 times, and each attack refused with its own reason.

What would go to port 443 of an address of this machine is led to the canary, which listens on a free port; what would
leave the machine is refused by the network. So a connection that should not have been tried is seen, wherever it led.
"""

import asyncio
import socket
import threading
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from sidecar.plugins.images.fetch import addresses, urls
from sidecar.plugins.images.fetch.addresses import CheckedResolver, DnsLookup
from tests.support.attacks import ANSWERS, BODIES, LOOPBACK, REDIRECTS, URLS
from tests.support.canary import Canary, raw_host
from tests.support.closing import fetcher_of, pool_of, running
from tests.support.image_host import ImageHost

LARGEST = 300_000
PUBLIC = "93.184.216.34"


@pytest.fixture
async def canary(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Canary]:
    connect = BaseSelectorEventLoop.sock_connect
    async with Canary() as running:

        async def lead(loop: BaseSelectorEventLoop, sock: socket.socket, address: tuple[Any, ...]) -> None:
            host, port, *rest = address
            if port in (80, 443):
                running.tried.append(host)
                port = running.port
                if host not in running.where and not host.startswith("127."):
                    raise OSError(101, "Network is unreachable")
            await connect(loop, sock, (host, port, *rest))

        monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", lead)
        yield running


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    async with running(pool_of(max_bytes=LARGEST, decoders=1)) as started:
        yield started


async def refuse(url: str, reason: str, canary: Canary, **options: Any) -> None:
    address = url.replace("{port}", str(canary.port))
    async with running(fetcher_of(max_bytes=LARGEST, timeout_s=5, **options)) as fetcher:
        with pytest.raises(PermanentError, match=reason) as caught:
            await fetcher.fetch(address)
    assert (canary.hits, canary.tried) == (0, [])
    assert "image's" in caught.value.reason
    assert not address or address not in caught.value.reason
    assert caught.value.__cause__ is caught.value.__context__ is None


def answering(*answers: tuple[str, ...]) -> Any:
    """A name server that gives its answers in turn, then the last one; `asked` counts."""
    left = list(answers)

    async def lookup(host: str) -> tuple[str, ...]:
        lookup.asked += 1  # type: ignore[attr-defined]
        return left.pop(0) if len(left) > 1 else left[0]

    lookup.asked = 0  # type: ignore[attr-defined]
    return lookup


def test_the_corpus_is_large() -> None:
    assert len(URLS) + len(ANSWERS) + len(REDIRECTS) + len(BODIES) > 180


@pytest.mark.parametrize("url", URLS)
async def test_urls(url: str, canary: Canary) -> None:
    await refuse(url, URLS[url], canary)


async def test_every_address_of_this_machine(canary: Canary) -> None:
    assert {"127.0.0.1"} <= set(canary.where)
    for address in canary.where:
        host = f"[{address}]" if ":" in address else address
        await refuse(f"https://{host}/", "not public", canary)
        await refuse("https://rebound.example/", "not public", canary, lookup=answering((address,)))


async def test_the_canary_is_hit_when_nothing_is_checked(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "why_refused", lambda _address: None)
    monkeypatch.setattr(urls, "why_refused", lambda _address: None)
    for number, address in enumerate(canary.where, start=1):
        async with running(fetcher_of(max_bytes=LARGEST, timeout_s=5)) as fetcher:
            with pytest.raises(RetryableError):
                await fetcher.fetch(f"https://[{address}]/" if ":" in address else f"https://{address}/")
        assert canary.hits == number


@pytest.mark.parametrize("answer", ANSWERS, ids=" ".join)
async def test_names(answer: tuple[str, ...], canary: Canary) -> None:
    await refuse("https://images.example/cat.png", ANSWERS[answer], canary, lookup=answering(answer))


async def test_names_that_change_their_mind(canary: Canary) -> None:
    """Public when it is looked at, this machine's from then on: there is one look, and its answer is connected to."""
    lookup = answering((PUBLIC,), ("127.0.0.1",))
    async with running(fetcher_of(max_bytes=LARGEST, timeout_s=5, lookup=lookup)) as fetcher:
        with pytest.raises(RetryableError, match="can't be reached"):
            await fetcher.fetch("https://rebinding.example/cat.png")
        assert (lookup.asked, canary.tried) == (1, [PUBLIC])
        with pytest.raises(PermanentError, match=LOOPBACK):
            await fetcher.fetch("https://rebinding.example/cat.png")
    assert (lookup.asked, canary.tried, canary.hits) == (2, [PUBLIC], 0)


async def test_what_was_never_checked_gets_no_socket(canary: Canary) -> None:
    for exempt in ((), ("127.0.0.1",)):
        resolver = CheckedResolver(answering(()), exempt)
        with pytest.raises(PermanentError, match="unchecked"):
            resolver.socket_to((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)))


async def test_the_machines_own_names(canary: Canary) -> None:
    resolver = CheckedResolver(DnsLookup())
    for name in ("localhost", "127.1", "2130706433", "0x7f000001"):
        with pytest.raises(PermanentError, match=LOOPBACK):
            await resolver.resolve(name, 443)
    for name in ("", "a" * 64 + ".example", "b\u00fccher.example"):
        with pytest.raises(OSError, match=r".*"):
            await resolver.resolve(name, 443)


async def test_a_name_server_that_never_answers_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    real = socket.getaddrinfo

    def slow(host: bytes, *rest: Any, **options: Any) -> Any:
        if host == b"slow.example":
            answered.wait()
        return real(b"127.0.0.1", *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    lookups = DnsLookup(at_once=9)
    try:
        async with running(fetcher_of(max_bytes=LARGEST, timeout_s=0.2, lookup=lookups)) as fetcher:
            tries = (fetcher.fetch("https://slow.example/") for _ in range(8))
            for outcome in await asyncio.gather(*tries, return_exceptions=True):
                assert "did not arrive within 0.2 s" in str(outcome)
        # more than the loop's own threads on most machines: these are free, and so is the ninth place
        assert await asyncio.wait_for(asyncio.gather(*(asyncio.to_thread(int) for _ in range(40))), 5) == [0] * 40
        assert await asyncio.wait_for(lookups("quick.example"), 5) == ["127.0.0.1"]
    finally:
        answered.set()
    assert await asyncio.gather(*(lookups("slow.example") for _ in range(20))) == [["127.0.0.1"]] * 20


@pytest.mark.parametrize("target", REDIRECTS)
async def test_redirects(target: str, canary: Canary, host: ImageHost) -> None:
    url = host.address(f"to?url={quote(target, safe='')}" if target != "/loop" else "loop")
    await refuse(url, REDIRECTS[target], canary, loopback_hosts=["127.0.0.1"])


async def test_nothing_of_one_host_goes_to_the_next(host: ImageHost) -> None:
    async with running(fetcher_of(max_bytes=LARGEST, timeout_s=5, loopback_hosts=["127.0.0.1"])) as fetcher:
        await fetcher.fetch(host.address("cookie"))
    assert set(host.headers) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


@pytest.mark.parametrize("name", BODIES)
async def test_bodies(name: str, pool: DecoderPool) -> None:
    answer, kind, reason = BODIES[name]
    async with (
        raw_host(answer) as url,
        running(fetcher_of(max_bytes=LARGEST, timeout_s=5, loopback_hosts=["127.0.0.1"])) as fetcher,
    ):
        with pytest.raises((PermanentError, RetryableError), match=reason) as caught:
            await pool.decode(await fetcher.fetch(url))
    assert type(caught.value).__name__ == kind
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("answer", "drop"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["nothing", "headers", "body", "chunks", "continues"],
)
async def test_hosts_that_take_their_time(answer: bytes, drop: bytes) -> None:
    """One byte after another, for ever: the deadline is for all of it, whatever arrives in between."""
    async with (
        raw_host(answer, drop) as url,
        running(fetcher_of(max_bytes=LARGEST, timeout_s=0.5, loopback_hosts=["127.0.0.1"])) as fetcher,
    ):
        with pytest.raises(RetryableError, match=r"did not arrive within 0.5 s"):
            await fetcher.fetch(url)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
async def test_hosts_that_hang_up(answer: bytes) -> None:
    async with (
        raw_host(answer, reset=True) as url,
        running(fetcher_of(max_bytes=LARGEST, timeout_s=5, loopback_hosts=["127.0.0.1"])) as fetcher,
    ):
        with pytest.raises(RetryableError, match="can't be reached"):
            await fetcher.fetch(url)


async def test_http_only_by_setting(canary: Canary) -> None:
    async with running(
        fetcher_of(max_bytes=LARGEST, timeout_s=5, allow_http=True, lookup=answering((PUBLIC,)))
    ) as fetcher:
        with pytest.raises(RetryableError, match="can't be reached"):
            await fetcher.fetch("http://images.example/cat.png")
        assert canary.tried == [PUBLIC]
        for url in ("http://127.0.0.1/", "http://images.example:443/", "http://localhost/"):
            with pytest.raises(PermanentError, match=r"not public|another port|this machine"):
                await fetcher.fetch(url)
    assert (canary.tried, canary.hits) == ([PUBLIC], 0)
