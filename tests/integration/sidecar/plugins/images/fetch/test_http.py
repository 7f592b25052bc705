"""Fetching from hosts that fail in every way a host can, over real HTTP on loopback."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.fetch.http import LONGEST_WAIT_S, Fetcher
from sidecar.plugins.images.fetch.telegram import TelegramFiles
from stack.simulators.telegram.server import TelegramServer
from tests.support.closing import fetcher_of, running
from tests.support.image_host import ImageHost, image_bytes, send_to_telegram

LARGEST = 300_000


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with running(fetcher_of(max_bytes=LARGEST, timeout_s=1.0, loopback_hosts=["127.0.0.1"])) as started:
        yield started


async def test_an_image(host: ImageHost, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(host.address("files/cat.png?signature=a%2Fb#top")) == host.files["cat.png"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("status/404", "answered 404"),
        ("status/403", "answered 403"),
        ("status/204", "answered 204"),
        ("status/302", "answered 302"),  # a redirect that says nowhere to
        ("endless", "larger than"),
        ("gzipped", "compressed"),
        ("redirect/6", "redirects more than 5 times"),
    ],
)
async def test_what_will_not_pass(path: str, message: str, host: ImageHost, fetcher: Fetcher) -> None:
    with pytest.raises(PermanentError, match=message) as caught:
        await fetcher.fetch(host.address(path))
    assert host.url not in caught.value.reason


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("status/500", "answered 500"),
        ("status/503", "answered 503"),
        ("status/429", "answered 429"),
        ("status/408", "answered 408"),
        ("slow", "did not arrive within 1 s"),
        ("cut", "can't be reached"),
    ],
)
async def test_what_may_pass(path: str, message: str, host: ImageHost, fetcher: Fetcher) -> None:
    with pytest.raises(RetryableError, match=message):
        await fetcher.fetch(host.address(path))


@pytest.mark.parametrize(
    ("asked", "after"), [(None, 1.0), ("7", 7.0), ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_WAIT_S), ("soon", 1.0)]
)
async def test_a_host_may_say_when(asked: str | None, after: float, host: ImageHost, fetcher: Fetcher) -> None:
    query = f"?Retry-After={quote(asked)}" if asked else ""
    with pytest.raises(RetryableError) as caught:
        await fetcher.fetch(host.address(f"status/503{query}"))
    assert caught.value.after == after


async def test_nobody_listens(fetcher: Fetcher) -> None:
    async with ImageHost() as gone:
        url = gone.address("files/cat.png")
    with pytest.raises(RetryableError, match="can't be reached"):
        await fetcher.fetch(url)


async def test_five_redirects_are_followed(host: ImageHost, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(host.address("redirect/5")) == host.files["cat.png"]
    assert host.hits["/redirect"] == 5


@pytest.mark.parametrize(
    "target",
    ["https://10.0.0.1/", "https://localhost/", "http://1.1.1.1/", "file:///etc/passwd", "//[::1]/", "https://a@b.c/"],
)
async def test_every_redirect_is_checked_anew(target: str, host: ImageHost, fetcher: Fetcher) -> None:
    with pytest.raises(PermanentError, match="image's"):
        await fetcher.fetch(host.address(f"to?url={quote(target, safe='')}"))


async def test_telegram_files(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = "42:CANARY-TOKEN"
    async with TelegramServer(token=token) as telegram:
        content = image_bytes("JPEG")
        file_id = await send_to_telegram(telegram, content)
        files = TelegramFiles(token, telegram.url, max_bytes=LARGEST, timeout_s=5)
        try:
            assert await files.fetch(file_id) == content
            with pytest.raises(
                RetryableError, match=r"Telegram refused the file: Bad Request: .* temporarily unavailable"
            ):
                await files.fetch("no-such-file")
            telegram.fail_next("getFile", code=429, description="Too Many Requests: retry after 7", retry_after=7)
            with pytest.raises(RetryableError, match="Telegram answered 429") as caught:
                await files.fetch(file_id)
            assert caught.value.after == 7
            telegram.fail_next("getFile", code=502, description="Bad Gateway")
            with pytest.raises(RetryableError, match="Telegram answered 502"):
                await files.fetch(file_id)
        finally:
            await files.close()
        wrong = TelegramFiles("42:WRONG-CANARY", telegram.url, max_bytes=LARGEST, timeout_s=5)
        try:
            with pytest.raises(RetryableError, match="CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN") as caught:
                await wrong.fetch(file_id)
            assert "CANARY" not in caught.value.reason
        finally:
            await wrong.close()
    away = TelegramFiles(token, telegram.url, max_bytes=LARGEST, timeout_s=5)
    try:
        with pytest.raises(RetryableError, match="Telegram can't be reached") as caught:
            await away.fetch("any")
        assert "CANARY" not in repr(caught.value)
    finally:
        await away.close()
    assert "CANARY" not in caplog.text
