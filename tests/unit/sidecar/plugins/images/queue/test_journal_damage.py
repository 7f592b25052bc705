"""A journal that is damaged: noticed, set aside, and what is whole is saved."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from sidecar.errors import RetryableError, StartError
from sidecar.plugins.images.queue.recovery import fault_of
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from tests.support.journals import add, asides, claimed, job, names, opened, states


async def filled(folder: Path) -> None:
    journal = await opened(folder)
    await journal.add([(job(number, f"https://example.org/{number}" * 5), 0) for number in range(400)])
    await journal.close()


@pytest.mark.parametrize("seed", range(8))
async def test_flipped_bytes_are_noticed_set_aside_and_the_rest_is_saved(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(tmp_path)
    path, chance, metrics = tmp_path / "journal.sqlite", random.Random(seed), Metrics()
    content = bytearray(path.read_bytes())
    begin = chance.randrange(4096, len(content) - 4096)
    for at in range(begin, begin + 3000):
        content[at] ^= 1 + chance.randrange(255)
    path.write_bytes(content)
    journal = await opened(tmp_path, metrics)
    rows = await journal.do(lambda db: db.execute("SELECT event_id, source FROM jobs").fetchall())
    expected = {job(number).event_id: f"https://example.org/{number}" * 5 for number in range(400)}
    assert all(expected[event] == source for event, source in rows)
    assert len(rows) > 300
    assert len(asides(tmp_path)) == metrics.value(telemetry.IMAGE_JOURNALS_REBUILT) == 1
    assert "THE IMAGE JOURNAL WAS DAMAGED" in caplog.text
    assert asides(tmp_path)[0] in caplog.text
    await add(journal, 1000)
    await journal.close()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
async def test_a_file_that_was_cut_short(share: float, tmp_path: Path) -> None:
    await filled(tmp_path)
    path = tmp_path / "journal.sqlite"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    journal = await opened(tmp_path)
    assert asides(tmp_path)
    await add(journal, 1000)
    assert len(await states(journal, 1000)) == 1
    await journal.close()


async def test_one_byte_of_a_link_that_no_check_of_sqlite_sees(tmp_path: Path) -> None:
    await filled(tmp_path)
    path = tmp_path / "journal.sqlite"
    content = path.read_bytes()
    at = content.rindex(b"https://example.org/7")
    path.write_bytes(content[:at] + b"H" + content[at + 1 :])
    journal = await opened(tmp_path)
    assert len(await states(journal, *range(400))) == 399
    assert asides(tmp_path)
    await journal.close()


async def test_damage_that_shows_at_run_time_costs_a_try_and_no_restart(tmp_path: Path) -> None:
    await filled(tmp_path)
    metrics = Metrics()
    journal = await opened(tmp_path, metrics)
    path = tmp_path / "journal.sqlite"
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(byte ^ 0x5A for byte in content[4096:])
    path.write_bytes(content)
    with pytest.raises(RetryableError, match="was damaged and has been rebuilt"):
        await states(journal, *range(400))
    await add(journal, 1)
    assert len(await states(journal, 1)) == 1
    assert metrics.value(telemetry.IMAGE_JOURNALS_REBUILT) == 1
    await journal.close()


async def test_a_damaged_journal_that_another_process_has_open_is_left_alone(tmp_path: Path) -> None:
    await filled(tmp_path)
    other = await opened(tmp_path)
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(RetryableError, match="another process has it open"):
        await opened(tmp_path)
    assert not asides(tmp_path)
    await other.close()


def test_a_journal_that_another_process_holds_is_no_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
        contextlib.closing(sqlite3.connect(path, timeout=0)) as db,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            fault_of(db)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0", "jobs"),
        ("ALTER TABLE blobs DROP COLUMN crc", "blobs"),
        ("DROP INDEX jobs_due; CREATE INDEX jobs_due ON jobs (created_at)", "jobs_due"),
        ("DROP TABLE totals; CREATE TABLE totals (count INTEGER)", "totals"),
    ],
)
async def test_a_journal_of_another_release_is_refused_and_left_as_it_is(
    change: str, named: str, tmp_path: Path
) -> None:
    """With other tables no image would ever be archived, and nothing would say so but the log."""
    journal = await opened(tmp_path)
    await add(journal, 1)
    await journal.close()
    path = tmp_path / "journal.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(change)
    before = path.read_bytes()
    with pytest.raises(StartError, match=rf"journal\.sqlite is of another release \(it differs in .*{named}"):
        await opened(tmp_path)
    assert names(tmp_path) == ["journal.sqlite"]
    assert path.read_bytes() == before


async def test_what_a_journal_lacks_is_made(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await journal.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        db.executescript("DROP INDEX jobs_due; DROP TRIGGER job_ended")
    journal = await opened(tmp_path)
    await add(journal, 1)
    assert await claimed(journal)
    await journal.close()
