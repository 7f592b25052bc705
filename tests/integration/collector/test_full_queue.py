"""A queue whose file may not grow any more keeps what was acknowledged, through a kill too (collector/queue.patch)."""

import random
from pathlib import Path

import pytest

from tests.support.collector_process import Collector, Destination, until
from tests.support.otlp import event, request, uuid7

SMALL = "extensions: {file_storage: {max_size: 3145728, compaction: {on_rebound: false}}}\n"
REFUSED = 15  # in a row: then there is no room for the smallest request


@pytest.mark.parametrize("killed", [False, True], ids=["runs on", "is killed"])
def test_what_was_acknowledged_is_delivered_from_a_full_queue(killed: bool, tmp_path: Path) -> None:
    chance = random.Random(0)
    small = tmp_path / "small.yaml"
    small.write_text(SMALL)
    with Destination() as destination, Collector(tmp_path, destination.url, small) as collector:
        destination.down()
        acknowledged: list[str] = []
        refused = 0
        while refused < REFUSED:
            ids = [uuid7(0) for _ in range(20)]
            text = "x" * chance.choice([10, 300, 3000])
            body = request(*(event("user_message", event_id=one, **{"chattrail.message.text": text}) for one in ids))
            status = collector.post(body)
            assert status in (200, 503), "the status must ask senders to retry"
            if status == 200:
                acknowledged += ids
            refused = 0 if status == 200 else refused + 1
        if killed:
            collector.kill()
            collector.start()
        destination.up()
        until(lambda: set(acknowledged) <= set(destination.ids()), "every acknowledged event", 30)
