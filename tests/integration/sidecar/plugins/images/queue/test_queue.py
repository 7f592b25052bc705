"""The queue between the ack and the store: pauses, lost answers, giving up, room. No ClickHouse: it isn't in the way."""

import asyncio
import hashlib
import sqlite3
import uuid

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images import plugin as images_plugin
from sidecar.plugins.images.stores.base import StorePausedError
from sidecar.telemetry import metrics as telemetry
from tests.support.archives import batch_of, generated
from tests.support.image_host import image_bytes
from tests.support.image_queue import Queue, image_event, jobs
from tests.support.receivers import until

SHA256 = hashlib.sha256(image_bytes()).hexdigest()


async def test_a_pause_stops_everything_is_logged_once_and_burns_no_attempt(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.store.raises["before_note"] = [StorePausedError("the token is not accepted", after=0.1) for _ in range(4)]
    async with queue.running(concurrency=1, attempts=1) as archiver:
        await archiver.handle(batch_of(*(image_event(image_bytes(size=(8, 8 + number))) for number in range(10))))
        await until(lambda: queue.metrics.value(telemetry.IMAGES_PAUSED) == 1)
        rows = await queue.ended(10)
    assert {(row["state"], row["attempts"]) for row in rows} == {("stored", 1)}
    assert queue.store.calls.count("put") == 14
    assert caplog.text.count("ALL IMAGES WAIT: the token is not accepted") == 1
    assert queue.metrics.value(telemetry.IMAGES_PAUSED) == 0


async def test_while_it_is_paused_one_image_at_a_time_looks_whether_the_store_is_back(queue: Queue) -> None:
    queue.store.raises["before_note"] = [StorePausedError("429", after=0.2) for _ in range(100)]
    async with queue.running(concurrency=8) as archiver:
        await archiver.handle(batch_of(*(image_event(image_bytes(size=(8, 8 + number))) for number in range(50))))
        await until(lambda: len(queue.store.calls) >= 11)  # eight that were under way, and one for each pause since
        assert len(queue.store.calls) <= 12
        assert {row["attempts"] for row in jobs(queue.folder)} == {0}
        queue.store.raises.clear()
        await queue.ended(50)


@pytest.mark.parametrize(
    "error", [RetryableError("the answer was lost"), PermanentError("a lie"), ValueError("unforeseen")]
)
async def test_an_error_after_the_bytes_arrived_is_settled_at_once(queue: Queue, error: Exception) -> None:
    queue.store.raises["after_upload"] = [error]
    async with queue.running() as archiver:
        await archiver.handle(generated(data=image_bytes()))
        (row,) = await queue.ended()
    assert (row["state"], row["attempts"], row["sha256"]) == ("stored", 1, SHA256)
    assert queue.store.calls == ["put", "settle"]
    assert queue.store.contents() == [SHA256]


@pytest.mark.parametrize(("point", "tries"), [("before_note", 1), ("after_note", 2), ("half_way", 2)])
async def test_an_error_before_they_arrived_leaves_nothing_and_is_tried_again(
    queue: Queue, point: str, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the image had any part in it, it costs no try."""
    monkeypatch.setattr("sidecar.plugins.images.upload.uploader.AWAY_S", 0.1)
    queue.store.raises[point] = [RetryableError("the store answered 503")]
    async with queue.running() as archiver:
        await archiver.handle(generated(data=image_bytes()))
        (row,) = await queue.ended()
    assert (row["state"], row["attempts"]) == ("stored", tries)
    assert queue.store.contents() == [SHA256]


async def test_while_the_store_is_away_it_costs_no_try_that_it_cannot_be_asked(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.plugins.images.upload.uploader.AWAY_S", 0.02)
    away, raises = RetryableError("the store is away", after=0.01), queue.store.raises
    raises["after_note"], raises["settle"] = [away], [away] * 15
    async with queue.running(concurrency=2, attempts=5, backoff_s=0.1) as archiver:
        await archiver.handle(generated(data=image_bytes(size=(8, 8))))
        await until(lambda: [job["attempts"] for job in jobs(queue.folder)] == [1])
        raises["before_note"] = [away] * 1000
        await archiver.handle(generated(data=image_bytes(size=(8, 9))))
        await until(lambda: not raises["settle"])
        raises["before_note"].clear()
        rows = await queue.ended(2)
    assert {row["state"] for row in rows} == {"stored"}
    assert min(row["attempts"] for row in rows) == 1


async def test_given_up_without_an_outcome_the_orphan_is_removed_when_the_store_is_back(queue: Queue) -> None:
    queue.store.raises = {
        "after_upload": [RetryableError("the answer was lost")],
        "settle": [RetryableError("away") for _ in range(2)],
    }
    async with queue.running(attempts=1) as archiver:
        await archiver.handle(generated(data=image_bytes()))
        (row,) = await queue.ended()
    assert (row["state"], row["reason"]) == ("failed", "the answer was lost (given up after 1 tries)")
    assert queue.store.contents() == [SHA256]
    assert queue.spooled() == [row["event_id"]]  # so that it can be tried again
    queue.store.raises.clear()
    async with queue.running():
        await until(lambda: queue.store.contents() == [])


async def test_the_same_image_from_many_events_at_once_is_put_once(queue: Queue) -> None:
    async with queue.running(concurrency=16) as archiver:
        await archiver.handle(batch_of(*(image_event(image_bytes()) for _ in range(30))))
        rows = await queue.ended(30)
    assert {row["state"] for row in rows} == {"stored"}
    assert queue.store.calls == ["put"]


async def test_a_store_that_is_away_at_the_start_holds_no_event_back_and_is_logged(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, away = (
        queue.store.start,
        [RetryableError("no route", after=0.05), StorePausedError("wrong token", after=0.05)],
    )
    back = asyncio.Event()

    async def start() -> None:
        if away:
            raise away.pop(0)
        if not back.is_set():
            raise RetryableError("still no route", after=0.05)
        await begun()

    monkeypatch.setattr(images_plugin, "METRICS_EVERY_S", 0.01)
    monkeypatch.setattr(queue.store, "start", start)
    async with queue.running() as archiver:
        await archiver.handle(generated(data=image_bytes()))
        await until(lambda: queue.metrics.value(telemetry.IMAGES_PENDING) == 1)
        await until(lambda: queue.metrics.value(telemetry.IMAGES_OLDEST_PENDING) > 0)
        await until(lambda: queue.remark("paused") == "still no route")
        assert queue.metrics.value(telemetry.IMAGES_PAUSED) == 1
        back.set()
        (row,) = await queue.ended()
        await until(lambda: queue.remark("paused") == "")
        await until(lambda: queue.metrics.value(telemetry.IMAGES_PENDING) == 0)
    assert row["state"] == "stored"
    assert queue.metrics.value(telemetry.IMAGES_PAUSED) == 0


async def test_no_more_is_taken_than_may_wait_and_it_goes_on_when_there_is_room(queue: Queue) -> None:
    queue.store.raises["before_note"] = [StorePausedError("not now", after=0.5)]
    async with queue.running(max_pending=3, concurrency=1) as archiver:
        for number in range(3):
            await archiver.handle(generated(data=image_bytes(size=(9, 9 + number))))
        again = generated(data=image_bytes(size=(9, 20)))
        with pytest.raises(RetryableError, match="CHATTRAIL_SIDECAR_IMAGES_MAX_PENDING"):
            await archiver.handle(again)
        assert len(jobs(queue.folder)) == len(queue.spooled()) == 3
        await queue.ended(3)
        await archiver.handle(again)
        await queue.ended(4)


async def test_no_more_bytes_are_taken_than_may_wait(queue: Queue) -> None:
    queue.store.raises["before_note"] = [StorePausedError("not now", after=60)]
    async with queue.running(spool_bytes=5000) as archiver:
        await archiver.handle(generated(data=image_bytes("BMP", (50, 50))))
        with pytest.raises(RetryableError, match="CHATTRAIL_SIDECAR_IMAGES_SPOOL_BYTES"):
            await archiver.handle(generated(data=image_bytes()))


async def test_bytes_of_a_batch_that_was_never_acknowledged_are_swept_away(queue: Queue) -> None:
    async with queue.running():
        pass
    (queue.folder / "data" / "spool" / f"{uuid.uuid4()}.bin").write_bytes(b"nobody waits for it")
    async with queue.running():
        assert queue.spooled() == []


async def test_a_journal_that_is_damaged_under_way_costs_a_try_and_no_image(queue: Queue) -> None:
    queue.store.raises["before_note"] = [StorePausedError("not now", after=1.0)]
    async with queue.running() as archiver:
        await archiver.handle(batch_of(*(image_event(image_bytes(size=(8, 8 + number))) for number in range(20))))

        def damage(db: sqlite3.Connection) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed") from None

        def corrupt(db: sqlite3.Connection) -> None:
            try:
                damage(db)
            except sqlite3.DatabaseError as error:
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise

        with pytest.raises(RetryableError, match="rebuilt"):
            await archiver._jobs.do(corrupt)
        await archiver.handle(generated(data=image_bytes("GIF")))
        rows = await queue.ended(21)
    assert {row["state"] for row in rows} == {"stored"}
    assert len(queue.store.contents()) == 21
