"""The Cloudflare store when answers are lost, late, cut or refused: no orphan, no second copy, a reason for each."""

import asyncio
from pathlib import Path

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.stores.base import StorePausedError
from stack.simulators.cloudflare.server import CloudflareServer
from stack.simulators.cloudflare.wire import ERRORS, Fault
from tests.support.clock import FakeClock
from tests.support.cloudflare_store import cloudflare_store, keep
from tests.support.receivers import until
from tests.support.uploads import Notes, photograph, upload_of

PAUSED = {5403, 5453, 6003, 7003, 9106, 10000, 971}
PERMANENT = {5400, 5401, 5413, 5415, 5455}


@pytest.mark.parametrize("kind", ["lost", "slow", "hang"])
async def test_an_upload_whose_answer_never_came_is_found_and_not_sent_again(kind: str, tmp_path: Path) -> None:
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path, timeout_s=0.5) as store:
        # slow: the client has given up before the server begins to read; then nothing must be left
        server.fail(Fault(kind, "upload", seconds=2.0 if kind == "slow" else 0.0))  # type: ignore[arg-type]
        notes = Notes()
        if kind == "slow":
            with pytest.raises(RetryableError, match=r"within 0\.5 s"):
                await keep(store, notes)
            assert not server.images.records
        else:
            key = await keep(store, notes)
            assert notes == [key] == list(server.images.records)
            assert server.images.records[key].content == photograph().content
        assert server.answers["direct_upload", 200] == 1


@pytest.mark.parametrize(
    ("route", "code"),
    [
        (route, code)
        for route in ("direct_upload", "upload", "details")
        for code in sorted(ERRORS)
        if (route, code) != ("details", 5404)  # there it is an answer
    ],
)
async def test_every_documented_code_has_its_consequence(route: str, code: int, tmp_path: Path) -> None:
    wanted = StorePausedError if code in PAUSED else PermanentError if code in PERMANENT else RetryableError
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:
        server.fail(Fault("error", route, code=code))
        if (
            route == "details" and wanted is not StorePausedError
        ):  # its first try failed, the second showed that all is there
            assert await store.settle(await keep(store, Notes()))
            return
        with pytest.raises(wanted) as error:
            await keep(store, Notes())
        assert type(error.value) is wanted
        assert str(code) in str(error.value)
        # whatever is left is a draft that was noted, for a pause lets no request out
        assert len(server.images.records) == (0 if wanted is not StorePausedError or route == "direct_upload" else 1)


@pytest.mark.parametrize("route", ["direct_upload", "upload", "details"])
@pytest.mark.parametrize("kind", ["cut", "page", "lost"])
async def test_tries_until_it_works_leave_one_image(kind: str, route: str, tmp_path: Path) -> None:
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:
        server.fail(Fault(kind, route, times=2))  # type: ignore[arg-type]
        key, notes, reasons = "", Notes(), ""
        while not key:
            try:
                key = notes[-1] if notes and await store.settle(notes[-1]) else await keep(store, notes)
            except RetryableError as error:
                reasons += error.reason
        assert not any(secret in reasons for secret in (server.token, "http", server.account_id))
        records = server.images.records
        assert records[key].content == photograph().content
        finished = [record.id for record in server.images.finished()]
        assert finished == [key]
        # an answer to direct_upload that was lost leaves drafts without bytes, whose ids are known to nobody
        assert len(records) == (3 if (kind, route) == ("lost", "direct_upload") else 1)


async def test_after_a_crash_a_draft_is_removed_and_an_image_stays(tmp_path: Path) -> None:
    async with CloudflareServer() as server:
        async with cloudflare_store(server, tmp_path) as store:

            async def die(key: str) -> None:
                noted.append(key)
                server.fail(Fault("hang", "upload") if len(noted) == 2 else Fault("slow", "upload", seconds=60))

            noted: list[str] = []
            for count in (1, 2):

                def has_hung(count: int = count) -> bool:
                    return len(noted) == count and len(server.images.finished()) == count - 1

                putting = asyncio.create_task(store.put(photograph(), die))
                await until(has_hung)
                putting.cancel()  # what a kill leaves: the noted key, and a request that nobody waits for
                await asyncio.gather(putting, return_exceptions=True)
        async with cloudflare_store(server, tmp_path) as store:
            assert [await store.settle(key) for key in noted] == [False, True]
            assert list(server.images.records) == [noted[1]]
            assert [await store.settle(key) for key in noted] == [False, True]


async def test_an_image_that_is_not_private_does_not_stay(tmp_path: Path) -> None:
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:

        async def make_public(key: str) -> None:
            server.images.records[key].private = False

        with pytest.raises(PermanentError, match="private"):
            await store.put(photograph(), make_public)
        assert not server.images.records


async def test_a_format_that_cloudflare_does_not_take_leaves_no_draft(tmp_path: Path) -> None:
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:
        notes = Notes()
        with pytest.raises(PermanentError, match="5455"):
            await store.put(upload_of(b"BM not an image", "image/bmp", "bmp", 10, 10), notes.take)
        assert not await store.settle(notes[0])
        assert not server.images.records


@pytest.mark.parametrize("text", ["<html>a proxy's page</html>", "[" * 60_000])
async def test_a_proxys_404_erases_nothing(tmp_path: Path, text: str) -> None:
    async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:
        key = await store.put(photograph(), Notes().take)
        server.fail(Fault("page", status=404, times=3, text=text))
        for use in (store.delete, store.settle):
            with pytest.raises(RetryableError, match="404"):
                await use(key)
        assert list(server.images.records) == [key]


@pytest.mark.parametrize("retry_after", [None, 7])
async def test_a_429_stops_every_request_until_its_time_over_a_restart_too(
    retry_after: int | None, tmp_path: Path
) -> None:
    clock = FakeClock()
    async with CloudflareServer() as server:
        server.fail(Fault("error", code=971, retry_after=retry_after))
        async with cloudflare_store(server, tmp_path, clock) as store:
            with pytest.raises(StorePausedError, match="rate limit") as error:
                await store.put(photograph(), Notes().take)
            assert error.value.after == (retry_after or 300)
            clock.advance(error.value.after - 6)
        async with cloudflare_store(server, tmp_path, clock) as store:
            with pytest.raises(StorePausedError, match="pause") as error:
                await store.put(photograph(), Notes().take)
            assert error.value.after == pytest.approx(6)
            assert server.answers.total() == 1
            clock.advance(6)
            await store.put(photograph(), Notes().take)


async def test_wrong_account(tmp_path: Path) -> None:
    async with CloudflareServer() as server:
        for account in ("f" * 32, "not-an-account"):
            async with cloudflare_store(server, tmp_path, account_id=account) as store:
                with pytest.raises(StorePausedError, match="CLOUDFLARE_ACCOUNT_ID"):
                    await store.put(photograph(), Notes().take)


async def test_an_api_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    async with CloudflareServer() as server:
        pass
    async with cloudflare_store(server, tmp_path) as store:
        with pytest.raises(RetryableError, match="can't be reached"):
            await store.put(photograph(), Notes().take)
