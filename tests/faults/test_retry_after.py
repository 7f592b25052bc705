"""Row 13 on the bot's hop: a tracker comes again after the time in Retry-After, within the SDK's own patience and beyond it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chattrail import Person, create_tracker
from chattrail.events import UserMessage
from tests.faults.cluster import BATCH
from tests.faults.fault_injectors import TOLD_S
from tests.faults.oracle import verified
from tests.faults.proxy import Proxy, refusal
from tests.faults.report import Report
from tests.support.collector_process import Collector, Destination

EVENTS = 500


PATIENCE_S = {"its SDK waits": 10, "its SDK gives up": 1}


def cases() -> Iterator[object]:
    yield pytest.param(0, 503, "its SDK gives up", id="quick")
    slow = [pytest.mark.slow, pytest.mark.timeout(120)]
    for seed in range(1, 6):
        for manner in PATIENCE_S:
            yield pytest.param(seed, (503, 429)[seed % 2], manner, id=f"{manner}, seed{seed}", marks=slow)


@pytest.mark.parametrize(("seed", "status", "manner"), list(cases()))
async def test_a_tracker_comes_again_when_it_was_told_to(
    seed: int, status: int, manner: str, tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", str(PATIENCE_S[manner]))
    with Destination() as destination:
        collector = Collector(tmp_path, destination.url)
        await asyncio.to_thread(collector.start)
        try:
            async with Proxy(int(collector.http.rsplit(":", 1)[1])) as proxy:
                proxy.turn_away(refusal(status, TOLD_S))
                tracker = create_tracker("bot", endpoint=proxy.url)
                for number in range(EVENTS):
                    tracker.track(UserMessage(text=f"{seed} {number}"), user=Person(7))
                await verified(lambda: proxy.returns(BATCH), "the tracker comes again")
                proxy.answer = None
                pauses = proxy.returns(BATCH)
                await verified(lambda: len(destination.ids()) >= EVENTS, "every event arrives")
                await asyncio.to_thread(tracker.shutdown)
        finally:
            collector.kill()
    assert min(pauses) > TOLD_S - 0.05, f"back after {min(pauses):.2f} s, not {TOLD_S} s"
    assert (len(destination.ids()), len(set(destination.ids())), tracker.dropped) == (EVENTS, EVENTS, 0)
    if seed:
        said = f"came again after at least {TOLD_S} s, as Retry-After has it; every event arrived once"
        report.note(13, f"a collector sends the bot away; {manner}", seed, said, max(pauses))
