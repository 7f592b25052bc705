"""RELIABILITY row 17: the disk of journal and spool is full. No false ack, no death, and it goes on by itself."""

import contextlib
from pathlib import Path

import pytest

from sidecar.errors import RetryableError
from tests.faults.disk import SmallDisk
from tests.support.archives import generated
from tests.support.image_host import image_bytes
from tests.support.image_queue import RecordingStore, build, jobs, started
from tests.support.receivers import until


@pytest.mark.parametrize("leave", [0, 8192, 65536])
async def test_a_full_disk_under_journal_and_spool(leave: int, tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 16) as disk:
        store = RecordingStore(tmp_path / "remote")
        archiver = await started(build(disk.folder, store))
        try:
            await archiver.handle(generated(data=image_bytes()))
            disk.fill(leave)
            acknowledged, refusals = 1, 0
            for number in range(30):
                for source in (
                    {"data": image_bytes("PNG", (40, 40 + number), compress_level=0)},
                    {"url": f"https://10.0.0.1/{number}" + "a" * 2000},
                ):
                    with contextlib.suppress(RetryableError):
                        await archiver.handle(generated(**source))
                        acknowledged += 1
                        continue
                    refusals += 1
            assert refusals > 20
            disk.make_room()
            await archiver.handle(generated(data=image_bytes("GIF")))
            acknowledged += 1
            await until(lambda: not any(job["state"] in ("pending", "uploading") for job in jobs(disk.folder)))
        finally:
            await archiver.shutdown()
        found = jobs(disk.folder)
        assert len(found) == acknowledged
        assert {job["state"] for job in found if job["source_kind"] == "data"} == {"stored"}
        # bytes whose job was refused are nobody's: the next start removes them
        again = await started(build(disk.folder, store))
        await again.shutdown()
        waiting = {
            job["event_id"] for job in found if job["source_kind"] == "data"
        }  # for ClickHouse, which is not there
        assert {path.stem for path in (disk.folder / "data" / "spool").iterdir()} == waiting
