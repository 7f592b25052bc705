"""Images of messages of both sides: fetched with the token of their own bot, and erased with their person."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from aiohttp import web

from sidecar.plugins.images.cli import _purge
from sidecar.plugins.images.queue.jobs import telegram_source
from stack.simulators.loopback import LoopbackServer
from tests.support import otlp
from tests.support.archives import Archive, batch_of
from tests.support.image_host import image_bytes

VOICE, PAGE = b"OggS" + bytes(500), b"<html><script>1</script>"


class Bots(LoopbackServer):
    """The Bot API's files of two bots: each knows its own file_ids only."""

    files: ClassVar[dict[str, dict[str, bytes]]] = {
        "42:CANARY-a": {"AgAC-a": image_bytes("JPEG", (10, 90))},
        "43:CANARY-b": {"AgAC-b": image_bytes("PNG", (20, 30)), "AwAC-v": VOICE, "BQAC-d": PAGE},
    }

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, shutdown_s=0.1)

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/bot{token}/getFile", self._get_file)
        app.router.add_get("/file/bot{token}/{file_id}", self._file)
        return app

    async def _get_file(self, request: web.Request) -> web.Response:
        file_id = (await request.json())["file_id"]
        if file_id not in self.files[request.match_info["token"]]:
            return web.json_response(
                {"ok": False, "error_code": 400, "description": "Bad Request: invalid file_id"}, status=400
            )
        return web.json_response({"ok": True, "result": {"file_id": file_id, "file_path": file_id}})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["token"]][request.match_info["file_id"]])


@pytest.fixture
async def bots() -> AsyncIterator[Bots]:
    async with Bots() as running:
        yield running


def message(type_: str, bot: object, file_id: str, user: str = "7") -> Any:
    named = {"chattrail.image.id": f"{type_}-{bot}", "chattrail.image.file_id": file_id}
    return otlp.event(type_, user, named if bot is None else {**named, "telegram.bot.id": bot})


async def rows_by_id(archive: Archive, count: int) -> dict[str, dict[str, Any]]:
    return {row["image_id"]: row for row in await archive.ended(count)}


async def test_each_bots_images_are_fetched_with_its_own_token(
    archive: Archive, bots: Bots, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    tokens = ",".join(bots.files)
    async with archive.archiver(telegram_tokens=tokens, telegram_api_url=bots.url) as archiver:
        plain = otlp.event("user_message", "7", {"chattrail.message.text": "no image"})
        await archiver.handle(batch_of(plain))
        sent = [
            message("user_message", 42, "AgAC-a"), message("bot_message", 43, "AgAC-b"), message("message_edited", "43", "AgAC-b"),
            message("user_message", 44, "AgAC-c"), message("user_message", None, "AgAC-a"),
        ]  # fmt: skip
        await archiver.handle(batch_of(*sent, plain))
        rows = await rows_by_id(archive, 5)
    assert {name: (row["status"], row["width"]) for name, row in rows.items()} == {
        "user_message-42": ("stored", 10), "bot_message-43": ("stored", 20), "message_edited-43": ("stored", 20),
        "user_message-44": ("failed", 0), "user_message-None": ("failed", 0),
    }  # fmt: skip
    assert rows["user_message-44"]["reason"] == (
        "no token of the bot 44 is set: add it to CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS"
    )
    assert "does not name its bot" in rows["user_message-None"]["reason"]
    assert len(archive.files()) == 2
    assert "CANARY" not in caplog.text + str(rows)


async def test_one_token_serves_its_bot_and_events_that_name_none(archive: Archive, bots: Bots) -> None:
    async with archive.archiver(telegram_token="42:CANARY-a", telegram_api_url=bots.url) as archiver:
        await archiver.handle(batch_of(*(message("user_message", bot, "AgAC-a") for bot in (42, None, 43))))
        rows = await rows_by_id(archive, 3)
    assert {name: row["status"] for name, row in rows.items()} == {
        "user_message-42": "stored", "user_message-None": "stored", "user_message-43": "failed",
    }  # fmt: skip


async def test_a_persons_images_are_erased_with_the_person(archive: Archive, bots: Bots) -> None:
    archiver = archive.build(telegram_token="42:CANARY-a", telegram_api_url=bots.url)
    await archiver.start()
    await archiver.handle(
        batch_of(message("user_message", 42, "AgAC-a", "8"), message("bot_message", 42, "AgAC-a", "8"))
    )
    await archive.ended(2)
    await archiver.shutdown()
    assert len(archive.files()) == 1
    assert await _purge(archiver._context, archiver._config, "8", "") == 0
    assert archive.files() == []
    async with archive.archiver():
        async with asyncio.timeout(30):
            while {row["status"] for row in await archive.rows()} != {"erased"}:  # noqa: ASYNC110 -- a database has no event
                await asyncio.sleep(0.02)  # between two looks


async def test_a_lost_journal_finds_the_images_of_messages_again(archive: Archive, bots: Bots) -> None:
    """As after a crash that damaged it: the events are stored, their jobs gone and never published."""
    named = {"chattrail.image.file_id": "AgAC-b", "telegram.bot.id": "43"}
    for type_, attributes in (
        ("user_message", named),
        ("bot_message", named),
        ("user_message", {"telegram.bot.id": "43"}),
    ):
        archive.client.command(
            "INSERT INTO events (event_id, type, ts, user_id, attributes)"
            f" VALUES (generateUUIDv4(), '{type_}', now64(9), '7', {attributes})"
        )
    archive.journal.parent.mkdir(parents=True, exist_ok=True)
    archive.journal.write_bytes(b"nonsense" * 10_000)
    async with archive.archiver(telegram_tokens=",".join(bots.files), telegram_api_url=bots.url):
        rows = await archive.ended(2)
    assert [(row["status"], row["source"]) for row in rows] == [("stored", telegram_source("43", "AgAC-b"))] * 2


async def test_other_files_are_kept_by_setting_up_to_a_size(archive: Archive, bots: Bots) -> None:
    def file(file_id: str, size: int | None) -> Any:
        named: dict[str, Any] = {"chattrail.file.id": file_id, "chattrail.file.unique_id": f"{file_id}-{size}"}
        named |= {"telegram.bot.id": 43} | ({"chattrail.file.size": size} if size is not None else {})
        return otlp.event("user_message", "7", named)

    sent = batch_of(file("AwAC-v", 504), file("BQAC-d", 24), file("AwAC-v", 5000), file("AwAC-v", None))
    given = {"telegram_tokens": ",".join(bots.files), "telegram_api_url": bots.url}
    async with archive.archiver(**given) as archiver:
        await archiver.handle(sent)
        assert archive.journalled() == []
    async with archive.archiver(**given, files_max_bytes=600) as archiver:
        await archiver.handle(sent)
        rows = await rows_by_id(archive, 3)
    assert {name: (row["status"], row["content_type"], row["bytes"]) for name, row in rows.items()} == {
        "AwAC-v-504": ("stored", "audio/ogg", 504),
        "AwAC-v-None": ("stored", "audio/ogg", 504),
        "BQAC-d-24": ("stored", "application/octet-stream", 24),  # a page is no page here
    }
    assert {path.read_bytes() for path in archive.files()} == {VOICE, PAGE}
    assert {path.suffix for path in archive.files()} == {".bin"}
    async with archive.archiver(**given, files_max_bytes=20) as archiver:
        await archiver.handle(batch_of(file("BQAC-d", None)))
        failed = [row for row in await archive.ended(4) if row["status"] == "failed"]
    assert [row["reason"] for row in failed] == ["the file is larger than 20 bytes"]
