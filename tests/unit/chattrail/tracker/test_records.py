"""What every record carries, and that nothing a bot does to the tracker comes back as an exception."""

import logging
import os
import signal
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import TracerProvider

from chattrail import Person
from chattrail.botapi.deferred import DeferredInThread
from chattrail.context import UpdateContext
from chattrail.events import AiMessage, Command, HandlerFailed, UserMessage
from chattrail.rate_limited_log import RateLimitedLog
from tests.unit.chattrail.tracker.bench import ANN, HOME, Bench, Breaking


def test_an_event_carries_what_every_event_carries(bench: Bench) -> None:
    bench.tracker.track(
        UserMessage(text="Hi", length=2),
        user=ANN,
        chat=HOME,
        update_id=7,
        message_id=8,
        persona_id="luna",
        story_id="sea",
    )
    (record,) = bench.records
    attributes = dict(record.attributes)
    assert list(attributes)[:3] == ["event.id", "event.sequence", "user.id"]
    assert UUID(attributes.pop("event.id")).version == 7
    assert UUID(attributes.pop("session.id")).version == 7
    assert attributes == {
        "event.sequence": 1,
        "user.id": "1001",
        "telegram.chat.id": 1001,
        "telegram.chat.type": "private",
        "telegram.update.id": 7,
        "telegram.message.id": 8,
        "telegram.user.username": "ann",
        "telegram.user.name": "Ann Lee",
        "telegram.user.language_code": "en",
        "telegram.user.is_premium": True,
        "chattrail.persona.id": "luna",
        "chattrail.story.id": "sea",
        "chattrail.message.text": "Hi",
        "chattrail.message.kind": "text",
        "chattrail.message.length": 2,
    }
    assert record.event_name == "chattrail.user_message"
    assert record.body == "user_message text"
    assert record.severity_number.value == 9


def test_ids_are_unique_and_sort_by_time(bench: Bench) -> None:
    for _ in range(500):
        bench.tracker.track(Command(name="help"), user=ANN)
    ids = [event["event.id"] for event in bench.events]
    assert len(set(ids)) == 500
    stamps = [UUID(event_id).int >> 64 for event_id in ids]
    assert stamps == sorted(stamps)


def test_many_threads_get_one_sequence(bench: Bench) -> None:
    def chatter(number: int) -> None:
        for _ in range(200):
            bench.tracker.track(Command(name="help"), user=Person(number))

    threads = [threading.Thread(target=chatter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["event.sequence"] for event in bench.events) == list(range(1, 1601))
    counts = bench.tracker.counts()
    assert (counts.emitted, counts.exported, counts.queued, counts.dropped) == (1600, 1600, 0, 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), 1767323045678901000),
        (datetime(2026, 1, 2, 3, 4, 5), 1767323045000000000),
        (datetime(2026, 1, 2, 6, 4, 5, tzinfo=timezone(timedelta(hours=3))), 1767323045000000000),
    ],
)
def test_event_time_is_exact(bench: Bench, given: datetime, expected: int) -> None:
    bench.tracker.track(Command(name="help"), user=ANN, timestamp=given)
    assert bench.records[0].timestamp == expected


@pytest.mark.parametrize("odd", [datetime.max, datetime.min, datetime(1969, 1, 1), datetime(2300, 1, 1), "noon", -1])
def test_a_time_that_no_record_can_have_becomes_the_present(bench: Bench, odd: Any) -> None:
    before = datetime.now(UTC).timestamp()
    bench.tracker.track(Command(name="help"), user=ANN, timestamp=odd)
    assert before <= bench.records[0].timestamp / 1e9 <= datetime.now(UTC).timestamp()


def test_trace_context_of_the_caller_is_kept(bench: Bench) -> None:
    with TracerProvider().get_tracer("t").start_as_current_span("handler") as span:
        bench.tracker.track(Command(name="help"), user=ANN)
    (record,) = bench.records
    assert (record.trace_id, record.span_id) == (span.get_span_context().trace_id, span.get_span_context().span_id)


def test_failures_have_a_severity(bench: Bench) -> None:
    bench.tracker.track(HandlerFailed(error_type="KeyError", message="'x'"), user=ANN)
    bench.tracker.track(AiMessage(error_type="timeout"), user=ANN)
    assert [record.severity_number.name for record in bench.records] == ["ERROR", "WARN"]
    assert [record.body for record in bench.records] == ["handler_failed KeyError", "ai_message timeout"]


@pytest.mark.parametrize("event", [None, 1, object(), UserMessage])
def test_nonsense_costs_one_event_and_never_raises(bench: Bench, event: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench.tracker.track(event, user=ANN)
    bench.tracker.track(Command(name="help"), user=Breaking(), chat="x")  # type: ignore[arg-type]
    bench.tracker.track(Command(name="help"), user=ANN)
    bench.tracker.annotate(persona_id=Breaking())  # type: ignore[arg-type]
    assert [event["event.sequence"] for event in bench.events] == [3]
    counts = bench.tracker.counts()
    assert (counts.emitted, counts.exported, counts.dropped) == (3, 1, 2)
    assert "secret words" not in caplog.text


def test_after_a_fork_the_child_begins_again(bench: Bench) -> None:
    bench.tracker.track(Command(name="parent"), user=ANN)
    assert bench.tracker.flush(10)
    bench.memory.clear()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            bench.tracker.track(Command(name="child"), user=ANN)
            bench.tracker.flush(10)
            logs = bench.memory.get_finished_logs()
            facts = [
                len(logs),
                (logs[0].log_record.attributes or {})["event.sequence"],
                logs[0].resource.attributes["service.instance.id"],
                bench.tracker.emitted,
            ]
            os.write(writer, repr(facts).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    bench.tracker.track(Command(name="parent"), user=ANN)
    assert [event["event.sequence"] for event in bench.events] == [2]
    mine = bench.memory.get_finished_logs()[0].resource.attributes["service.instance.id"]
    count, sequence, instance, emitted = eval(said)
    assert (count, sequence, emitted) == (1, 1, 1)
    assert UUID(instance) != UUID(str(mine))


def test_a_child_records_no_update_of_its_parent(bench: Bench) -> None:
    """A handler may fork, as multiprocessing does: the update is the parent's, and so is its number."""
    context = UpdateContext(bench.tracker, user=ANN)
    bench.tracker.arrive(UserMessage(), context)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with bench.during(context):
                bench.tracker.track("from_the_child")
            os.write(writer, str(bench.tracker.emitted).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "1"
    bench.tracker.settle(context)
    assert bench.types == ["user_message"]


def test_a_child_waits_for_no_lock_of_its_parents_threads(bench: Bench) -> None:
    deferred, log = DeferredInThread(), RateLimitedLog(logging.getLogger("chattrail"))
    with deferred._changed, log._lock:  # as another thread of the parent may hold them
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)  # ends it
            deferred.begin(bench.tracker, UpdateContext(bench.tracker, user=ANN))
            log.warning("from the child")
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
