"""`python -m sidecar images`: how the queue stands, failed images again, images erased; beside a sidecar and without one."""

import argparse
import asyncio
import io
import sys

import pytest

from sidecar.errors import RetryableError
from sidecar.plugins.images import cli
from tests.support.archives import batch_of, generated
from tests.support.image_host import image_bytes
from tests.support.image_queue import Queue, image_event, jobs
from tests.support.receivers import SidecarProcess


async def test_status_retry_and_purge_beside_no_sidecar(queue: Queue) -> None:
    queue.store.raises["half_way"] = [RetryableError("the store answered 503")]
    settings = {"DATA": str(queue.folder), "IMAGES_DIRECTORY": str(queue.folder / "pictures")}
    queue.folder = queue.folder / "images"  # where the command looks
    queue.folder.mkdir()
    (queue.folder / "data").symlink_to(queue.folder)
    async with queue.running(attempts=1, concurrency=1) as archiver:
        await archiver.handle(batch_of(image_event(image_bytes()), image_event(image_bytes("GIF"))))
        failed = next(row for row in await queue.ended(2) if row["state"] == "failed")

    def said(*arguments: str) -> tuple[int, str]:
        with SidecarProcess(["images", *arguments], **settings) as command:
            return command.wait(), command.text

    code, text = await asyncio.to_thread(said, "status")
    assert code == 0
    assert "1  stored" in text
    assert "1  failed: the store answered 503 (given up after 1 tries)" in text
    code, text = await asyncio.to_thread(said, "retry", "--reason", "503")
    assert (code, "1 failed images are pending again" in text) == (0, True)
    assert "no sidecar runs" in text
    code, text = await asyncio.to_thread(said, "purge", "--event", failed["event_id"])
    assert (code, "1 images are erased" in text) == (0, True)
    assert sorted(row["state"] for row in jobs(queue.folder)) == ["erased", "stored"]
    assert failed["event_id"] not in queue.spooled()
    code, text = await asyncio.to_thread(said, "retry")
    assert "0 failed images" in text


async def test_a_retry_that_a_running_sidecar_takes_up_is_followed_to_its_end(queue: Queue) -> None:
    queue.store.raises["half_way"] = [RetryableError("the store answered 503")]
    async with queue.running(attempts=1) as archiver:
        await archiver.handle(generated(data=image_bytes()))
        await queue.ended()
        given = argparse.Namespace(images="retry", reason="", no_wait=False)
        config = archiver._config
        assert await asyncio.to_thread(cli.run, given, config, queue.folder / "data") == 0
        assert [row["state"] for row in jobs(queue.folder)] == ["stored"]


def test_the_progress_shows_how_much_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with cli._progress() as progress:
        progress.update(progress.add_task("", total=40), completed=10)
    assert "10/40" in terminal.getvalue()
    assert "-:--:--" in terminal.getvalue()
