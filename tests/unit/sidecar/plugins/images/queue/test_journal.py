"""The journal by itself: group commit, leases, room, and what it does about a full disk."""

import asyncio
import contextlib
import gc
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sidecar.errors import RetryableError
from sidecar.plugins.images.queue.jobs import Blob, ms
from sidecar.plugins.images.queue.recovery import connect
from tests.support.clock import START, FakeClock
from tests.support.journals import LATER, add, claimed, job, names, opened, states
from tests.support.receivers import until


async def test_a_step_is_on_the_disk_when_it_is_awaited(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await add(journal, 1)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as other:
        assert other.execute("SELECT state FROM jobs").fetchall() == [("pending",)]
    assert await journal.do(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL
    assert await journal.do(lambda db: db.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    await journal.close()
    await journal.close()
    with pytest.raises(RetryableError, match="closed"):
        await add(journal, 2)


def test_a_new_journal_waits_for_another_connection(tmp_path: Path) -> None:
    """The sidecar and `python -m sidecar images` may start together."""
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)")
        opening = pool.submit(connect, path)
        with pytest.raises(TimeoutError):  # it neither fails nor succeeds meanwhile
            opening.exception(timeout=0.2)
        other.execute("COMMIT")
        with closing(opening.result()) as db:
            assert db.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


async def test_steps_that_wait_share_a_commit(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    before = (tmp_path / "journal.sqlite-wal").stat().st_size if (tmp_path / "journal.sqlite-wal").exists() else 0
    commits: list[int] = []
    await journal.do(lambda db: db.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None))
    await asyncio.gather(*(add(journal, number) for number in range(200)))
    assert len(commits) < 20
    assert len(await states(journal, *range(200))) == 200
    assert before < (tmp_path / "journal.sqlite-wal").stat().st_size
    await journal.close()


async def test_the_same_event_again_is_no_new_job(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await add(journal, 1, 1)
    (claim,) = await claimed(journal)
    await journal.end(claim, reason="gone")
    assert await journal.add([(job(1, "other"), 0)]) == {job(1).event_id: "failed"}
    assert await claimed(journal) == []
    await journal.close()


async def test_a_step_that_is_refused_does_not_hurt_its_neighbours_and_one_that_breaks_undoes_them(
    tmp_path: Path,
) -> None:
    journal = await opened(tmp_path)

    def refuse(_db: sqlite3.Connection) -> None:
        raise RetryableError("no room")

    outcomes = await asyncio.gather(add(journal, 1), journal.do(refuse), add(journal, 2), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), RetryableError, type(None)]
    assert len(await states(journal, 1, 2)) == 2

    def breaks(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM jobs")
        raise ValueError("a fault")

    with pytest.raises(RetryableError, match="unexpected ValueError"):
        await journal.do(breaks)
    assert len(await states(journal, 1, 2)) == 2
    await journal.close()


class Held:
    """Stands for the bytes of an image that a step writes."""


@pytest.mark.parametrize("error", [RetryableError("no room"), ValueError("a fault")])
async def test_what_a_failed_step_held_is_freed_at_once(tmp_path: Path, error: Exception) -> None:
    journal = await opened(tmp_path)

    async def put(held: Held) -> None:
        def step(_db: sqlite3.Connection) -> None:
            raise type(error)(held.__doc__)

        await journal.do(step)

    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(RetryableError):
            await put(Held())
        await until(lambda: not any(isinstance(one, Held) for one in gc.get_objects()), within_s=5)
    finally:
        gc.enable()
    await journal.close()


async def test_what_a_living_process_leased_is_its_own_and_what_a_dead_one_leased_is_taken_back(tmp_path: Path) -> None:
    first, second = await opened(tmp_path), await opened(tmp_path)
    await add(first, 1, 2, 3)
    assert len(await claimed(first, limit=2)) == 2
    assert [claim.event_id for claim in await claimed(second)] == [job(3).event_id]
    assert second.others()
    assert first.alive(second.owner)
    # as a kill leaves it: the lock is gone, the leases are not
    assert first._thread is not None
    first._waiting.put(None)
    await asyncio.to_thread(first._thread.join)
    first._close()
    third = await opened(tmp_path)
    assert {claim.event_id for claim in await claimed(third)} == {job(1).event_id, job(2).event_id}
    await second.close()
    await third.close()
    assert names(tmp_path) == ["journal.sqlite"]


async def test_attempts_and_the_time_of_the_next_one_outlive_the_process(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await add(journal, 1)
    (claim,) = await claimed(journal)
    await journal.retry_later(claim, 60, "answered 503")
    await journal.close()
    clock = FakeClock(START + timedelta(days=1))
    journal = await opened(tmp_path, clock=clock)
    assert await journal.next_due() == LATER + 60_000
    assert await claimed(journal) == []
    clock.advance(60)
    (again,) = await claimed(journal)
    assert again.attempts == 1
    await journal.release(again)
    clock.advance(-30 * 86_400)  # a clock that was set back by a month does not make a job wait for a month
    assert await claimed(journal) == [again]
    await journal.close()


async def test_room_is_made_of_jobs_and_bytes_that_wait(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await journal.add([(job(1), 600), (job(2), 400)])
    await journal.check_room(max_jobs=3, max_bytes=1001)
    with pytest.raises(RetryableError, match="MAX_PENDING"):
        await journal.check_room(max_jobs=2, max_bytes=1001)
    with pytest.raises(RetryableError, match="SPOOL_BYTES"):
        await journal.check_room(max_jobs=3, max_bytes=1000)
    first, second = await claimed(journal)
    for claim in (first, second):
        await journal.end(claim, reason="gone")
    await journal.check_room(max_jobs=1, max_bytes=1)
    assert await journal.reopen("go") == [job(1).event_id, job(2).event_id]
    with pytest.raises(RetryableError, match="MAX_PENDING"):
        await journal.check_room(max_jobs=1, max_bytes=1)
    await journal.erase(user_id="7")
    assert await journal.waiting() == (0, None)
    await journal.close()


async def test_an_erased_job_stays_erased_and_its_image_goes_when_nobody_else_has_it(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await add(journal, 1, 2)
    one, two = await claimed(journal)
    blob = Blob("directory", "ab" * 32, "key", "image/png", 10, 1, 1)
    for claim in (one, two):
        await journal.note_upload(claim, blob)
    assert await journal.settle("directory", blob.sha256, stored=True)
    await journal.erase(event_id=one.event_id)
    assert await journal.unsettled("directory") == []
    assert not await journal.end(one, sha256=blob.sha256, store="directory")
    await journal.erase(event_id=two.event_id)
    (left,) = await journal.unsettled("directory")
    assert left.state == "deleting"
    assert set((await states(journal, 1, 2)).values()) == {"erased"}
    sources = await journal.do(lambda db: db.execute("SELECT DISTINCT source FROM jobs").fetchall())
    assert sources == [("",)]
    await journal.close()


async def test_what_is_not_settled_is_in_one_process_s_hands(tmp_path: Path) -> None:
    journal, other = await opened(tmp_path), await opened(tmp_path)
    await add(journal, 1)
    (claim,) = await claimed(journal)
    blob = Blob("directory", "ab" * 32, "key", "image/png", 10, 1, 1, owner=journal.owner)
    await journal.note_upload(claim, blob)
    await journal.erase(event_id=claim.event_id)
    with pytest.raises(RetryableError, match="another process"):
        await other.take_blob("directory", blob.sha256)
    # erased while it was on its way: it is not removed before it has arrived
    assert [each.state for each in await journal.unsettled("directory")] == ["uploading"]
    assert not await journal.settle("directory", blob.sha256, stored=True)
    taken = await other.take_blob("directory", blob.sha256)
    assert taken is not None
    assert taken.state == "deleting"
    await journal.close()
    await other.close()


async def test_a_full_disk_is_retryable_and_passes(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await add(journal, *range(20))

    def fill(db: sqlite3.Connection) -> None:  # SQLite then says SQLITE_FULL, as it does for ENOSPC
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")

    await journal.do(fill)
    long = [(job(number, "https://example.org/" + "a" * 2000), 0) for number in range(100, 200)]
    with pytest.raises(RetryableError, match="disk is full") as caught:
        await journal.add(long)
    assert caught.value.after == 5
    assert len(await states(journal, *range(200))) == 20
    # the connection was renewed, and with it the limit: there is room again
    await journal.add(long)
    assert len(await states(journal, *range(200))) == 120
    await journal.close()


async def test_a_folder_that_can_not_be_made_is_retryable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(RetryableError, match="can't be opened: File exists"):
        await opened(tmp_path / "data")


def test_times_are_kept_to_the_millisecond() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert ms(moment) == 1772366400123
