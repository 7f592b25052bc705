"""What is seen is recorded later, in its order, with its time and variables; nothing of it is lost, and no handler waits for it."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from chattrail import backlog, clock
from chattrail.backlog import Backlog
from chattrail.context import EventTarget
from chattrail.events import Command, UserMessage
from tests.support.recording import Recording
from tests.unit.chattrail.tracker.bench import ANN, Bench

variable: ContextVar[str] = ContextVar("variable")


class Notes:
    """A backlog, and what it did."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.done: list[object] = []
        self.held: list[int] = []
        self.errors: list[Exception] = []
        self.backlog = Backlog(self.held.append, self.errors.append, at_once=at_once)

    def add(self, *numbers: object) -> None:
        for number in numbers:
            self.backlog.add(1, self.done.append, number)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timer interferes, however slow the machine is."""
    monkeypatch.setattr(backlog, "DELAY_S", 3600.0)


def test_without_a_loop_nothing_waits(notes: Notes) -> None:
    notes.add(1)
    assert (notes.done, notes.held) == ([1], [])


async def test_with_a_before_send_nothing_waits() -> None:
    notes = Notes(at_once=True)
    notes.add(1)
    assert notes.done == [1]


@pytest.mark.usefixtures("at_leisure")
async def test_it_waits_until_the_code_that_runs_waits(notes: Notes) -> None:
    notes.add(1, 2)
    notes.backlog.hurry()
    assert notes.done == []
    await asyncio.sleep(0)
    assert notes.done == [1, 2]
    assert notes.held == [1, 1, -1, -1]


async def test_it_does_not_wait_for_long(notes: Notes) -> None:
    for number in range(3):  # the timer runs as long as there is something, and begins anew
        recorded = asyncio.Event()
        notes.add(number)
        notes.backlog.add(0, recorded.set)
        assert len(notes.backlog) == 2
        await asyncio.wait_for(recorded.wait(), 10)
        await asyncio.sleep(2 * backlog.DELAY_S)
    assert notes.done == [0, 1, 2]


@pytest.mark.usefixtures("at_leisure")
async def test_others_have_their_turn_between_batches(notes: Notes) -> None:
    notes.add(*range(3 * backlog.AT_ONCE))
    notes.backlog.hurry()
    seen = []
    while len(notes.backlog):
        await asyncio.sleep(0)
        seen.append(len(notes.done))
    assert seen == [backlog.AT_ONCE, 2 * backlog.AT_ONCE, 3 * backlog.AT_ONCE]


@pytest.mark.usefixtures("at_leisure")
async def test_it_is_bounded(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "CAPACITY", 5)
    notes.add(*range(8))
    assert (notes.done, len(notes.backlog)) == ([0, 1, 2], 5)


@pytest.mark.usefixtures("at_leisure")
async def test_it_has_the_time_and_the_variables_of_what_was_seen(notes: Notes) -> None:
    variable.set("then")
    seen: list[tuple[str, int, float]] = []
    notes.backlog.add(1, lambda: seen.append((variable.get(), clock.time_ns(), clock.monotonic())))
    variable.set("now")
    after, after_monotonic = time.time_ns(), time.monotonic()
    notes.backlog.drain()
    ((value, at, at_monotonic),) = seen
    assert value == "then"
    assert at <= after
    assert at_monotonic <= after_monotonic
    assert clock.monotonic() >= after_monotonic


@pytest.mark.usefixtures("at_leisure")
async def test_an_exception_costs_what_raised_it(notes: Notes) -> None:
    notes.backlog.add(1, int, "x")
    notes.add(2)
    notes.backlog.drain()
    assert notes.done == [2]
    assert [type(error) for error in notes.errors] == [ValueError]


@pytest.mark.usefixtures("at_leisure")
async def test_what_is_tracked_while_it_is_recorded_comes_after_it(notes: Notes) -> None:
    def record() -> None:
        notes.backlog.drain()
        notes.done.append(1)

    notes.backlog.add(1, record)
    notes.add(2)
    notes.backlog.drain()
    assert notes.done == [1, 2]


def test_a_loop_that_is_closed_leaves_it_to_the_next(notes: Notes) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_add_without_a_turn(notes, 2, 3))
    loop.close()
    assert (notes.done, len(notes.backlog)) == ([], 2)
    asyncio.run(_add_and_sleep(notes, 4))
    assert notes.done == [2, 3, 4]


async def _add_without_a_turn(notes: Notes, *numbers: int) -> None:
    notes.add(*numbers)


async def _add_and_sleep(notes: Notes, number: int) -> None:
    notes.add(number)
    notes.backlog.hurry()
    await asyncio.sleep(0)


def test_loops_of_several_threads_share_one() -> None:
    recording, count = Recording(), 200

    async def chat(name: str) -> None:
        for number in range(count):
            event = UserMessage(text=f"{name}{number}")
            recording.tracker.backlog.add(1, _record(recording, event))
            if number % 7 == 0:
                recording.tracker.backlog.hurry()
                await asyncio.sleep(0)

    threads = [threading.Thread(target=lambda name=name: asyncio.run(chat(name))) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [event["chattrail.message.text"] for event in recording.events]
    assert [event["event.sequence"] for event in recording.events] == list(range(1, 2 * count + 1))
    for name in "ab":
        assert [text for text in texts if text.startswith(name)] == [f"{name}{number}" for number in range(count)]
    recording.tracker.shutdown()


def _record(recording: Recording, event: UserMessage) -> Callable[[], None]:
    return lambda: recording.tracker.record(event, EventTarget(user=ANN), None)


@pytest.mark.usefixtures("at_leisure")
@pytest.mark.parametrize("look", ["counts", "emitted", "records", "shutdown"])
async def test_whoever_looks_sees_all(bench: Bench, look: str) -> None:
    bench.tracker.backlog.add(1, _record(bench, UserMessage(text="hi")))
    if look == "shutdown":
        bench.tracker.shutdown()
    elif look == "records":
        assert len(bench.records) == 1
    else:
        _ = bench.tracker.emitted if look == "emitted" else bench.tracker.counts()
    assert (len(bench.tracker.backlog), bench.tracker.emitted) == (0, 1)


@pytest.mark.usefixtures("at_leisure")
async def test_what_is_tracked_comes_after_what_waits(bench: Bench) -> None:
    bench.tracker.backlog.add(1, _record(bench, UserMessage(text="hi")))
    bench.tracker.track(Command(name="help"), user=ANN)
    assert bench.types == ["user_message", "command"]
    assert [event["event.sequence"] for event in bench.events] == [1, 2]


@pytest.mark.usefixtures("at_leisure")
def test_a_forked_child_has_none_of_it(bench: Bench) -> None:
    async def handle() -> None:
        bench.tracker.backlog.add(1, _record(bench, UserMessage(text="hi")))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(handle())
    loop.close()
    assert len(bench.tracker.backlog) == 1
    child = os.fork()
    if child == 0:  # pragma: no cover
        clean = len(bench.tracker.backlog) == 0 and bench.tracker.counts().emitted == 0
        os._exit(0 if clean and bench.tracker.sequence.next() == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bench.types == ["user_message"]
