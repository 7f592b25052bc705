"""A queue whose file may not grow any more keeps what was acknowledged, through a kill too (collector/storage)."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disk import SmallDisk
from tests.support.collector_process import Collector, Destination, until
from tests.support.otlp import event, request, uuid7

SMALL = "extensions: {file_storage: {max_size: 3145728, compaction: {on_rebound: false}}}\n"
REFUSED = 15  # in a row: then there is no room for the smallest request


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk", 48) as small:
        yield small


def filled(collector: Collector, texts: list[int]) -> list[str]:
    """Send requests until the collector has no room, and return the ids that it acknowledged."""
    chance = random.Random(0)
    acknowledged: list[str] = []
    refused = 0
    while refused < REFUSED:
        ids = [uuid7(0) for _ in range(20)]
        text = "x" * chance.choice(texts)
        body = request(
            *(event("user_message", event_id=one, attributes={"chattrail.message.text": text}) for one in ids)
        )
        status = collector.post(body)
        assert status in (200, 503), "the status must ask senders to retry"
        if status == 200:
            acknowledged += ids
        refused = 0 if status == 200 else refused + 1
    return acknowledged


def assert_delivered(destination: Destination, acknowledged: list[str]) -> None:
    until(lambda: set(acknowledged) <= set(destination.ids()), "every acknowledged event", 30)


@pytest.mark.parametrize("killed", [False, True], ids=["runs on", "is killed"])
def test_what_was_acknowledged_is_delivered_from_a_full_queue(killed: bool, tmp_path: Path) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(SMALL)
    with Destination() as destination, Collector(tmp_path, destination.url, small) as collector:
        destination.down()
        acknowledged = filled(collector, [10, 300, 3000])
        if killed:
            collector.kill()
            collector.start()
        destination.up()
        assert_delivered(destination, acknowledged)


def test_a_queue_that_has_filled_its_disk_takes_more_once_it_is_delivered(disk: SmallDisk) -> None:
    with Destination() as destination, Collector(disk.folder, destination.url) as collector:
        destination.down()
        acknowledged = filled(collector, [10, 3000, 30_000])
        assert disk.free < 1 << 20
        destination.up()
        assert_delivered(destination, acknowledged)
        more = [uuid7(0) for _ in range(1000)]
        body = request(*(event("user_message", event_id=one) for one in more))
        until(lambda: collector.post(body) == 200, "a request is taken, although nobody has made room")
        assert_delivered(destination, more)


@pytest.mark.parametrize("reserve", [16, 0])
def test_what_is_delivered_is_deleted_on_a_full_disk(reserve: int, disk: SmallDisk, tmp_path: Path) -> None:
    """Deleting writes before it frees; without the reserve some of it must wait, or this proves nothing."""
    chance = random.Random(8)
    overlay = tmp_path / "reserve.yaml"
    overlay.write_text(f"extensions: {{file_storage: {{reserve_mib: {reserve}}}}}\n")
    collector = Collector(disk.folder, (destination := Destination()).url, overlay)
    collector.log = tmp_path / "collector.log"
    with collector, destination:
        destination.down()
        ids = [uuid7(0) for _ in range(11)]
        for one in ids:
            text = "x" * chance.choice([100, 2000, 1_500_000])
            assert (
                collector.post(
                    request(event("user_message", event_id=one, attributes={"chattrail.message.text": text}))
                )
                == 200
            )
        disk.fill()
        destination.up()
        assert_delivered(destination, ids)
        until(lambda: collector.metric("otelcol_exporter_queue_size") == 0, "an empty queue")
        assert ("storage can't be used" in collector.log.read_text()) == (reserve == 0)
        collector.kill()
        collector.start()
        disk.make_room()
        ids.append(uuid7(0))
        body = request(event("user_message", event_id=ids[-1]))
        until(lambda: collector.post(body) == 200, "a request is taken")
        assert_delivered(destination, ids)
        assert Counter(destination.ids()) == Counter(ids)
