"""A queue that an earlier version's collector left when it was killed is opened and delivered, and then used."""

import tarfile
from collections import Counter
from pathlib import Path

from tests.support.collector_process import Collector, Destination, until
from tests.support.otlp import event, request, uuid7

ARCHIVE = Path(__file__).with_name("queue_2026_11.tar.gz")  # by tests/support/collector_queue.py


def test_a_queue_of_an_earlier_version_is_delivered(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path / "collector", filter="data")
    ids = (tmp_path / "collector" / "ids").read_text().split()
    with Destination() as destination, Collector(tmp_path, destination.url) as collector:
        assert "delivered again" in collector.log.read_text(), "some of them were on their way"
        until(lambda: len(destination.ids()) >= len(ids), "every event")
        ids.append(uuid7(0))
        assert collector.post(request(event("user_message", event_id=ids[-1]))) == 200
        until(lambda: len(destination.ids()) >= len(ids), "one event more")
        assert Counter(destination.ids()) == Counter(ids)
        collector.stop()
    names = {path.name for path in (tmp_path / "collector" / "queue").iterdir()}
    assert names == {"exporter_otlp_http_sidecar_logs", "reserve"}
