"""The directory store: whole files, once each, and no way out of its folder."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.queue.spool import Spool, remove_leftovers, write_durably
from sidecar.plugins.images.stores.base import DirectoryStore, StorePausedError, Upload

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
IMAGE = Upload(DIGEST, CONTENT, "image/png", "png", 1, 1)
KEY = f"{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}.png"


async def unnoted(_key: str) -> None:
    """Nobody remembers the key."""


async def test_put_settle_delete(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "deep" / "pictures")
    await store.start()
    assert not await store.settle(KEY)
    assert [await store.put(IMAGE, unnoted) for _ in range(2)] == [KEY, KEY]
    assert (tmp_path / "deep" / "pictures" / KEY).read_bytes() == CONTENT
    assert await store.settle(KEY)
    await store.delete(KEY)
    await store.delete(KEY)
    assert not await store.settle(KEY)
    assert not (tmp_path / "deep" / "pictures" / KEY).exists()
    await store.close()


async def test_the_key_is_noted_before_any_bytes_are_written(tmp_path: Path) -> None:
    async def refuse(key: str) -> None:
        assert key == KEY
        raise RetryableError("the journal is away")

    with pytest.raises(RetryableError, match="journal"):
        await DirectoryStore(tmp_path).put(IMAGE, refuse)
    assert not await DirectoryStore(tmp_path).settle(KEY)


async def test_the_same_image_from_many_at_once(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    assert set(await asyncio.gather(*(store.put(IMAGE, unnoted) for _ in range(20)))) == {KEY}
    (file,) = await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/etc/passwd", "", "ab/cd/../../x.png", f"{DIGEST}.png", "ab/cd/x.png\n"]
)
async def test_a_key_cannot_lead_out_of_the_folder(key: str, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    for use in (store.settle, store.delete):
        with pytest.raises(PermanentError, match="not a key"):
            await use(key)


async def test_a_disk_that_refuses_holds_all_up_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / DIGEST[:2]).write_text("a file where a folder should be")
    with pytest.raises(StorePausedError, match="can't write"):
        await DirectoryStore(tmp_path).put(IMAGE, unnoted)
    with pytest.raises(RetryableError, match="CHATTRAIL_SIDECAR_IMAGES_DIRECTORY"):
        await DirectoryStore(tmp_path / DIGEST[:2] / "below").start()


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()  # a rename onto a folder fails
    with pytest.raises(OSError, match="target"):
        write_durably(tmp_path / "target", CONTENT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_the_spool_forgets_what_a_crash_left_half_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.make()
    spool.write("one", CONTENT)
    (tmp_path / ".writing-abc").write_bytes(b"half")
    Spool(tmp_path).make()
    assert [path.name for path in tmp_path.iterdir()] == ["one.bin"]
    assert (spool.read("one"), spool.read("two")) == (CONTENT, None)
    spool.remove("one")
    spool.remove("one")
    assert spool.read("one") is None


async def test_the_store_forgets_leftovers_and_spares_what_another_sidecar_writes_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".writing-left").write_bytes(b"half")
    rename, seen = Path.rename, list[list[str]]()

    def started_meanwhile(path: Path, target: Path) -> Path:
        remove_leftovers(tmp_path)
        seen.append([entry.name for entry in tmp_path.glob(".writing-*")])
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", started_meanwhile)
    write_durably(tmp_path / "target", CONTENT, tmp_path)
    assert len(seen[0]) == 1
    assert seen[0] != [".writing-left"]
    assert (tmp_path / "target").read_bytes() == CONTENT
    (tmp_path / ".writing-left").write_bytes(b"half")
    await DirectoryStore(tmp_path).start()
    assert list(tmp_path.glob(".writing-*")) == []  # noqa: ASYNC240 -- of a test
