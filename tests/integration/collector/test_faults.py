"""What the collector has acknowledged reaches the destination, whatever dies on the way. Ids are the oracle."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.collector_process import Collector, Destination, until
from tests.support.otlp import event, request, uuid7


def send(collector: Collector, requests: int, size: int = 20) -> list[str]:
    """Send requests of some events and return the ids that the collector acknowledged."""
    acknowledged: list[str] = []
    for _ in range(requests):
        ids = [uuid7(0) for _ in range(size)]
        if collector.post(request(*(event("user_message", event_id=one) for one in ids))) == 200:
            acknowledged += ids
    return acknowledged


def assert_nothing_lost(destination: Destination, acknowledged: list[str], seconds: float = 30.0) -> None:
    until(lambda: set(acknowledged) <= set(destination.ids()), "every acknowledged event at the destination", seconds)


def assert_exact(destination: Destination, acknowledged: list[str], seconds: float = 30.0) -> None:
    """Each acknowledged event is there, once: for faults in which no reply got lost."""
    assert_nothing_lost(destination, acknowledged, seconds)
    assert Counter(destination.ids()) == Counter(acknowledged)


def test_the_queue_outlives_a_kill_while_the_destination_is_away(sidecar: Destination, tmp_path: Path) -> None:
    collector = Collector(tmp_path, sidecar.url)
    with collector:
        sidecar.down()
        acknowledged = send(collector, 30)
        assert len(acknowledged) == 600, "an absent sidecar must not hold senders back"
        collector.kill()
        collector.start()
        acknowledged += send(collector, 5)
        collector.kill()
        sidecar.up()
        collector.start()
        assert_exact(sidecar, acknowledged)


@pytest.mark.parametrize("seed", range(3))
def test_kills_under_load_lose_nothing(sidecar: Destination, tmp_path: Path, seed: int) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        acknowledged: list[str] = []
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                try:
                    acknowledged.extend(send(collector, 1, size=1 + len(acknowledged) % 50))
                except OSError:  # no answer: nothing was promised
                    stop.wait(0.02)

        sender = threading.Thread(target=load)
        sender.start()
        try:
            for strike in range(1, 4):
                goal = strike * (300 + 100 * seed)
                until(lambda goal=goal: len(acknowledged) >= goal, f"{goal} acknowledged events")  # type: ignore[misc]
                collector.kill()
                collector.start()
        finally:
            stop.set()
            sender.join(40)
        assert not sender.is_alive()
        assert_nothing_lost(sidecar, acknowledged)


def test_a_queue_without_disk_would_lose_them(sidecar: Destination, tmp_path: Path) -> None:
    """The negative control: the same kill with the queue in memory must show a loss, or the tests above prove nothing."""
    memory = tmp_path / "memory.yaml"
    memory.write_text("exporters: {otlp_http/sidecar: {sending_queue: {storage: null}}}\n")
    with Collector(tmp_path, sidecar.url, memory) as collector:
        sidecar.down()
        lost = send(collector, 5)
        assert len(lost) == 100
        collector.kill()
        sidecar.up()
        collector.start()
        kept = send(collector, 1)
        assert_nothing_lost(sidecar, kept)
        assert not set(lost) & set(sidecar.ids())


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(sidecar: Destination, tmp_path: Path, status: int) -> None:
    answers = [(status, {"retry-after": "3"})]
    sidecar.answer = lambda: answers.pop() if answers else (200, {})
    with Collector(tmp_path, sidecar.url) as collector:
        acknowledged = send(collector, 1)
        assert_exact(sidecar, acknowledged)
    first, second = sidecar.attempts
    assert 2.9 <= second - first < 10


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_destination_gets_everything_later(sidecar: Destination, tmp_path: Path, status: int) -> None:
    busy = threading.Event()
    busy.set()
    sidecar.answer = lambda: (status, {}) if busy.is_set() else (200, {})
    with Collector(tmp_path, sidecar.url) as collector:
        acknowledged = send(collector, 3)
        until(lambda: len(sidecar.attempts) >= 2, "a second attempt")
        busy.clear()
        assert_exact(sidecar, acknowledged)


def test_a_full_queue_makes_senders_wait_and_drops_nothing(sidecar: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, sidecar.url, queue_size="100") as collector:
        sidecar.down()
        acknowledged = send(collector, 5)
        assert len(acknowledged) == 100
        late: list[str] = []
        waiting = threading.Thread(target=lambda: late.extend(send(collector, 1)))
        waiting.start()
        waiting.join(1.5)
        assert waiting.is_alive(), "a full queue must hold the sender"
        sidecar.up()
        waiting.join(30)
        assert len(late) == 20
        assert_exact(sidecar, acknowledged + late)


def test_a_full_disk_refuses_for_now_and_recovers(sidecar: Destination, tmp_path: Path) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(
        "extensions: {file_storage: {max_size: 2097152, "
        "compaction: {rebound_needed_threshold_mib: 1, rebound_trigger_threshold_mib: 1, check_interval: 1s}}}\n"
    )
    with Collector(tmp_path, sidecar.url, small) as collector:
        sidecar.down()
        acknowledged: list[str] = []
        for _ in range(100):
            one = uuid7(0)
            status = collector.post(
                request(event("user_message", event_id=one, attributes={"chattrail.message.text": "x" * 100_000}))
            )
            if status != 200:
                break
            acknowledged.append(one)
        assert status == 503, "the status must ask senders to retry"
        assert 5 < len(acknowledged) < 30
        sidecar.up()
        assert_exact(sidecar, acknowledged)
        until(lambda: send(collector, 1), "an accepted request after the disk has room again")


def test_a_kill_while_the_destination_hangs_loses_nothing(sidecar: Destination, tmp_path: Path) -> None:
    sidecar.answer = lambda: (sidecar.let_go.wait(60), (503, {}))[1]
    with Collector(tmp_path, sidecar.url) as collector:
        acknowledged = send(collector, 10)
        until(lambda: sidecar.attempts, "a request that hangs")
        collector.kill()
        sidecar.answer = lambda: (200, {})
        collector.start()
        assert_exact(sidecar, acknowledged)


def test_it_ends_in_five_seconds_and_has_sent_what_it_had(sidecar: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        acknowledged = send(collector, 20)
        collector.stop()
        assert_exact(sidecar, acknowledged, 1)


def test_it_ends_in_five_seconds_while_the_destination_is_away(sidecar: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        sidecar.down()
        acknowledged = send(collector, 20)
        until(lambda: "Will retry" in collector.log.read_text(), "a failed attempt")
        collector.stop()
        sidecar.up()
        collector.start()
        assert_exact(sidecar, acknowledged)


def cut_short(queue: bytes) -> bytes:
    return queue[: len(queue) // 2]


def without_headers(queue: bytes) -> bytes:
    return b"\xff" * 8192 + queue[8192:]


def with_damaged_pages(queue: bytes) -> bytes:
    return queue[:8192] + b"\xff" * (len(queue) - 8192)


@pytest.mark.parametrize("damage", [cut_short, without_headers, with_damaged_pages])
def test_a_damaged_queue_is_set_aside(sidecar: Destination, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        sidecar.down()
        send(collector, 5)
        collector.kill()
        queue = tmp_path / "collector" / "queue" / "exporter_otlp_http_sidecar_logs"
        queue.write_bytes(damage(queue.read_bytes()))
        sidecar.up()
        collector.start()
        assert_nothing_lost(sidecar, send(collector, 2))
        aside = [path for path in queue.parent.iterdir() if path.suffix in {".damaged", ".backup"}]
        assert len(aside) == 1, "the damaged file must be kept"


def test_an_event_does_not_wait_for_others(sidecar: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        assert_exact(sidecar, send(collector, 1, size=1))
        send(collector, 1, size=1)
        until(lambda: len(sidecar.ids()) == 2, "the event")
