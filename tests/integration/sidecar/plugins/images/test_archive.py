"""The image archiver end to end: real ClickHouse, hosts over HTTP, a Bot API server, files on disk."""

import asyncio
import hashlib
import uuid

import pytest

from sidecar.telemetry import metrics as telemetry
from stack.simulators.telegram.server import TelegramServer
from tests.support import otlp
from tests.support.archives import Archive, batch_of, generated
from tests.support.image_host import ImageHost, image_bytes, send_to_telegram
from tests.support.receivers import until

ID = "0190a000-0000-7000-8000-00000000000a"


async def test_every_source_ends_as_a_file_and_a_row(
    archive: Archive, host: ImageHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    by_data, by_file_id = image_bytes("WEBP", (30, 20)), image_bytes("JPEG", (10, 90))
    async with TelegramServer(token="42:CANARY") as telegram:
        file_id = await send_to_telegram(telegram, by_file_id)
        async with archive.archiver(telegram_token="42:CANARY", telegram_api_url=telegram.url) as archiver:
            for source in ({"url": host.address("files/cat.png")}, {"file_id": file_id}, {"data": by_data}):
                await archiver.handle(generated(**source, id="picture-1"))
            rows = {row["source_kind"]: row for row in await archive.ended(3)}
    contents = {"url": host.files["cat.png"], "file_id": by_file_id, "data": by_data}
    sizes = {"url": (64, 48), "file_id": (10, 90), "data": (30, 20)}
    for kind, content in contents.items():
        row = rows[kind]
        digest = hashlib.sha256(content).hexdigest()
        assert (row["status"], row["store"], row["reason"], row["attempts"]) == ("stored", "directory", "", 1)
        assert (row["bytes"], row["width"], row["height"]) == (len(content), *sizes[kind])
        assert (row["sha256"], row["image_id"], row["user_id"]) == (digest, "picture-1", "7")
        assert row["key"].startswith(f"{digest[:2]}/{digest[2:4]}/{digest}.")
        assert (archive.images / row["key"]).read_bytes() == content
    assert rows["url"]["content_type"] == "image/png"  # the host said text/html
    assert (rows["file_id"]["source"], rows["data"]["source"]) == (file_id, "")
    assert list(archive.spool.iterdir()) == []
    assert archive.metrics.value(telemetry.IMAGES_STORED, source="url") == 1
    everything = str(await archive.rows()) + caplog.text + str(list(archive.folder.rglob("*")))
    assert "CANARY" not in everything


async def test_before_handle_returns_the_job_is_written_and_a_restart_takes_it_up(
    archive: Archive, host: ImageHost
) -> None:
    content = image_bytes("GIF")
    async with archive.archiver(timeout_s=60, concurrency=1) as archiver:
        await archiver.handle(generated(url=host.address("slow")))
        await until(lambda: host.hits["/slow"])  # the only worker is busy with it
        await archiver.handle(generated(ID, data=content))
        assert [row["state"] for row in archive.journalled()] == ["pending", "pending"]
        assert [path.name for path in archive.spool.iterdir()] == [f"{ID}.bin"]
        assert [row["status"] for row in await archive.shown(2)] == ["pending", "pending"]
    assert [row["status"] for row in await archive.rows()] == ["pending", "pending"]
    async with archive.archiver(timeout_s=0.5, attempts=1):
        rows = {row["source_kind"]: row for row in await archive.ended(2)}
    assert rows["data"]["status"] == "stored"
    assert (archive.images / rows["data"]["key"]).read_bytes() == content
    assert rows["url"]["status"] == "failed"


async def test_the_same_event_again_is_one_row_and_one_fetch_however_late(archive: Archive, host: ImageHost) -> None:
    again = generated(ID, url=host.address("files/cat.png"))
    async with archive.archiver() as archiver:
        await asyncio.gather(*(archiver.handle(again) for _ in range(5)))
        (stored,) = await archive.ended()
        await archiver.handle(again)
    async with archive.archiver() as archiver:
        # in another batch, beside another event, after a restart
        record = otlp.event(
            "image_generated", event_id=ID, attributes={"chattrail.image.url": host.address("files/cat.png")}
        )
        other = otlp.event("image_generated", attributes={"chattrail.image.url": host.address("files/cat.jpg")})
        await archiver.handle(batch_of(record, other, record))
        assert len(await archive.ended(2)) == 2
    assert await archive.rows(f"event_id = '{ID}'") == [stored]
    assert host.hits["/files/cat.png"] == 1


async def test_a_journal_that_is_gone_is_filled_from_the_table(archive: Archive, host: ImageHost) -> None:
    batch = generated(ID, url=host.address("files/cat.png"))
    async with archive.archiver() as archiver:
        await archiver.handle(batch)
        (stored,) = await archive.ended()
    for left in archive.journal.parent.glob("journal.sqlite*"):
        left.unlink()
    waiting = "0190a000-0000-7000-8000-00000000000b"
    archive.client.command(
        "INSERT INTO images (event_id, status, source_kind, source, created_at, updated_at) VALUES"
        f" ('{waiting}', 'pending', 'url', '{host.address('files/cat.jpg')}', now64(3), fromUnixTimestamp64Milli(2))"
    )
    async with archive.archiver() as archiver:
        await until(lambda: [row["state"] for row in archive.journalled()] == ["stored", "stored"])
        await archiver.handle(batch)
        assert {row["id"]: row["status"] for row in await archive.ended(2)} == {ID: "stored", waiting: "stored"}
    assert await archive.rows(f"event_id = '{ID}'") == [stored]
    assert host.hits == {"/files/cat.png": 1, "/files/cat.jpg": 1}


async def test_a_damaged_journal_is_rebuilt_from_what_can_be_read_the_table_and_stored_events(
    archive: Archive, host: ImageHost, caplog: pytest.LogCaptureFixture
) -> None:
    """RELIABILITY row 20: the file is so broken that nothing can be read of it, and some jobs were never published."""
    content, lost = image_bytes("GIF"), str(uuid.uuid4())
    async with archive.archiver() as archiver:
        await archiver.handle(generated(ID, url=host.address("files/cat.png")))
        (stored,) = await archive.ended()
        archive.client.command("RENAME TABLE images TO images_away")  # so these stay unpublished
        host.failures = [503] * 100
        by_url = generated(lost, url=host.address("flaky"))
        by_bytes = generated(data=content)
        await archiver.handle(by_url)
        await archiver.shutdown()
    archive.client.command("RENAME TABLE images_away TO images")
    spooled = by_bytes.events(frozenset({"image_generated"}))[0].event_id
    (archive.spool / f"{spooled}.bin").write_bytes(content)
    for event_id, attributes in (
        (lost, {"chattrail.image.url": host.address("flaky")}),
        (spooled, {}),  # the sink has no column for the bytes
        (str(uuid.uuid4()), {}),  # whose bytes are nowhere: it was never acknowledged
        (ID, {"chattrail.image.url": host.address("files/cat.png")}),
    ):
        archive.client.command(
            "INSERT INTO events (event_id, type, ts, user_id, image_id, attributes) VALUES"
            f" ('{event_id}', 'image_generated', now64(9), '7', 'p', {attributes or 'map()'})"
        )
    archive.journal.write_bytes(b"nonsense" * 10_000)
    host.failures = []
    async with archive.archiver():
        rows = {row["id"]: row for row in await archive.ended(3)}
    assert {row["status"] for row in rows.values()} == {"stored"}
    assert (archive.images / rows[spooled]["key"]).read_bytes() == content
    assert rows[lost]["user_id"] == "7"
    assert rows[ID] == stored
    assert host.hits["/files/cat.png"] == 1
    assert "THE IMAGE JOURNAL WAS DAMAGED" in caplog.text
    assert list(archive.journal.parent.glob("journal.sqlite.corrupt-*"))


@pytest.mark.parametrize("left", [0.0, 0.5])
async def test_what_a_damaged_wal_forgets_after_a_kill_is_looked_for(
    left: float, archive: Archive, host: ImageHost, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite takes the damage for the WAL's end; with nothing left of it even the tables of the journal are new."""
    wal = archive.journal.with_name("journal.sqlite-wal")
    async with archive.archiver() as archiver:
        archive.client.command("RENAME TABLE images TO images_away")  # so nothing is published
        batches = [generated(data=image_bytes(size=(9, 9 + number))) for number in range(8)]
        batches.append(generated(url=host.address("files/cat.png")))
        for batch in batches:
            await archiver.handle(batch)
        kept = {path: path.read_bytes() for path in (archive.journal, wal, *archive.spool.iterdir())}
    archive.client.command("RENAME TABLE images_away TO images")
    for batch in batches:
        ((event_id, attributes),) = [(e.event_id, e.attributes) for e in batch.events(frozenset({"image_generated"}))]
        url = attributes.get("chattrail.image.url", "")
        archive.client.command(
            "INSERT INTO events (event_id, type, ts, user_id, attributes) VALUES"
            f" ('{event_id}', 'image_generated', now64(9), '7', {{'chattrail.image.url': '{url!s}'}})"
        )
    for path, content in kept.items():  # as a kill leaves them
        path.write_bytes(content)
    size = int(wal.stat().st_size * left)
    wal.write_bytes(kept[wal][:size] + b"\xff" * 8192 + kept[wal][size + 8192 :])
    async with archive.archiver():
        rows = await archive.ended(9)
    assert {row["status"] for row in rows} == {"stored"}
    assert "the journal of images had lost" in caplog.text
    assert list(archive.spool.iterdir()) == []


async def test_identical_images_are_stored_once(archive: Archive, host: ImageHost) -> None:
    async with archive.archiver() as archiver:
        await archiver.handle(generated(url=host.address("files/cat.png")))
        await archiver.handle(generated(data=host.files["cat.png"]))
        rows = await archive.ended(2)
    assert {row["status"] for row in rows} == {"stored"}
    assert len({row["key"] for row in rows}) == len(archive.files()) == 1


async def test_events_without_an_image_make_no_job(archive: Archive, host: ImageHost) -> None:
    url = {"chattrail.image.url": host.address("files/cat.png")}
    async with archive.archiver() as archiver:
        await archiver.handle(generated(id="no source", prompt="a cat"))
        await archiver.handle(batch_of(otlp.event("image_generated", attributes={**url, "error.type": "timeout"})))
        await archiver.handle(batch_of(otlp.event("image_generated", event_id="not-a-uuid", attributes=url)))
        await archiver.handle(batch_of(otlp.event("image_refresh", attributes=url)))
        await archiver.handle(generated(url=host.address("files/cat.jpg")))
        rows = await archive.ended()
    assert len(rows) == 1
    assert host.hits == {"/files/cat.jpg": 1}


async def test_more_jobs_than_are_worked_on_at_one_time_all_end(archive: Archive, host: ImageHost) -> None:
    events = [
        otlp.event(
            "image_generated",
            event_id=str(uuid.uuid4()),
            attributes={"chattrail.image.url": host.address("files/cat.png")},
        )
        for _ in range(40)
    ]
    async with archive.archiver(concurrency=2) as archiver:
        for start in range(0, 40, 10):
            await archiver.handle(batch_of(*events[start : start + 10]))
        rows = await archive.ended(40)
    assert {row["status"] for row in rows} == {"stored"}
    assert host.hits["/files/cat.png"] == 40


async def test_a_batch_of_thousands_of_images(archive: Archive) -> None:
    address = {"chattrail.image.url": "https://127.0.0.1/refused.png"}
    events = [otlp.event("image_generated", event_id=str(uuid.uuid4()), attributes=address) for _ in range(4500)]
    archiver = archive.build()
    await archiver.start()
    await archiver.handle(batch_of(*events))
    await archiver.handle(batch_of(*events[:2000], *events[2500:]))
    assert len(archive.journalled()) == 4500
    await archive.shown(4500)
    await archiver.shutdown()
