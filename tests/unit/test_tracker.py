"""The tracker: what every event carries, and that nothing a bot does to it comes back as an exception or a wait."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NoReturn
from uuid import UUID

import pytest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace import TracerProvider

from chattrail import Chat, Person, Tracker, create_tracker
from chattrail.compose import Place
from chattrail.context import UpdateContext, current_update
from chattrail.events import (
    AiMessage,
    ChatCleared,
    Command,
    Event,
    HandlerFailed,
    ImageGenerated,
    PersonaSelected,
    PremiumAction,
    StartCommand,
    StorySelected,
    UserMessage,
)
from chattrail.record import Record
from chattrail.session import IDLE_NS, People

ANN = Person(1001, username="ann", name="Ann Lee", language_code="en", is_premium=True)
BOB = Person(1002)
HOME = Chat(1001)


class Bench:
    """A tracker whose records can be looked at."""

    def __init__(self, **options: Any) -> None:
        self.memory = InMemoryLogRecordExporter()
        self.tracker: Tracker = create_tracker("test", exporter=self.memory, **options)

    @property
    def records(self) -> list[Any]:
        assert self.tracker.flush(10)
        return [item.log_record for item in self.memory.get_finished_logs()]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [dict(record.attributes) | {"type": record.event_name} for record in self.records]

    @property
    def types(self) -> list[str]:
        return [record.event_name.removeprefix("chattrail.") for record in self.records]

    def during(self, context: UpdateContext) -> "During":
        return During(context)


class During:
    """Runs a block as the handling of an update."""

    def __init__(self, context: UpdateContext) -> None:
        self.context = context

    def __enter__(self) -> UpdateContext:
        self.token = current_update.set(self.context)
        return self.context

    def __exit__(self, *_: object) -> None:
        current_update.reset(self.token)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.tracker.shutdown()


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


class Breaking:
    """Not a person."""

    @property
    def id(self) -> NoReturn:
        raise RuntimeError("secret words")


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


def test_a_session_ends_after_half_an_hour_of_event_time(bench: Bench) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [0, 29, 58, 88.1, 88.2, 40]
    for minute in minutes:
        bench.tracker.track(Command(name="help"), user=ANN, timestamp=start + timedelta(minutes=minute))
    bench.tracker.track(Command(name="help"), user=BOB, timestamp=start)
    sessions = [event["session.id"] for event in bench.events]
    assert sessions[0] == sessions[1] == sessions[2]
    assert sessions[2] != sessions[3] == sessions[4]
    assert len({*sessions}) == 4  # the one that came 48 minutes late, and Bob's
    assert sessions[6] != sessions[0]


def test_people_are_remembered_up_to_a_limit() -> None:
    people = People(capacity=3)
    first = people.at("1", 0).session_id
    for other in ("2", "3"):
        people.at(other, 0)
    assert people.at("1", 1).session_id == first
    people.at("4", 1)  # pushes out 2, heard of least recently
    assert len(people) == 3
    assert people.at("1", 2).session_id == first
    assert people.at("1", 2 + IDLE_NS).session_id == first
    assert people.at("1", 3 + 2 * IDLE_NS).session_id != first


def test_a_choice_stays_with_the_person(bench: Bench) -> None:
    bench.tracker.track(PersonaSelected(persona_id="luna", name="Luna"), user=ANN)
    bench.tracker.track(StorySelected(story_id="sea", name="Sea"), user=ANN)
    bench.tracker.track(UserMessage(text="hi"), user=ANN)
    bench.tracker.track(UserMessage(text="hi"), user=BOB)
    chosen = [(event.get("chattrail.persona.id"), event.get("chattrail.story.id")) for event in bench.events]
    assert chosen == [("luna", None), ("luna", "sea"), ("luna", "sea"), (None, None)]


def test_an_update_gives_what_is_not_said(bench: Bench) -> None:
    with bench.during(UpdateContext(bench.tracker, user=ANN, chat=HOME, update_id=5, message_id=6)):
        bench.tracker.annotate(persona_id="luna")
        bench.tracker.track(ChatCleared(messages=3))
        bench.tracker.track(PremiumAction(action="refunded"), user=BOB)
        bench.tracker.track(ChatCleared(), user=Person("1001"), message_id=9)
    mine, other, again = bench.events
    keys = ("user.id", "telegram.chat.id", "telegram.update.id", "telegram.message.id", "chattrail.persona.id")
    assert [mine.get(key) for key in keys] == ["1001", 1001, 5, 6, "luna"]
    assert [other.get(key) for key in keys] == ["1002", None, 5, None, None]
    assert [again.get(key) for key in keys] == ["1001", 1001, 5, 9, "luna"]


def test_another_trackers_update_is_not_ours(bench: Bench) -> None:
    with bench.during(UpdateContext(object(), user=ANN)):
        bench.tracker.annotate(persona_id="luna")
        bench.tracker.track(ChatCleared())
    assert "user.id" not in bench.events[0]


def test_an_empty_persona_ends_a_choice(bench: Bench) -> None:
    bench.tracker.track(PersonaSelected(persona_id="luna"), user=ANN)
    with bench.during(UpdateContext(bench.tracker, user=ANN)):
        bench.tracker.annotate(persona_id="")
        bench.tracker.track(ChatCleared())
    bench.tracker.track(UserMessage(), user=ANN)
    assert ["chattrail.persona.id" in event for event in bench.events] == [True, False, False]


def test_an_incoming_event_takes_up_what_the_handler_knows(bench: Bench) -> None:
    context = UpdateContext(bench.tracker, user=ANN)
    arrival = datetime(2026, 1, 1, tzinfo=UTC)
    bench.tracker.arrive(StartCommand(payload="ad"), context, arrival, replaceable=False)
    with bench.during(context):
        bench.tracker.annotate(returning=True, persona_id="luna", nonsense=1)
        bench.tracker.record(AiMessage(text="Hello"), Place())
        bench.tracker.annotate(returning=False)
    bench.tracker.settle(context)
    start, answer = bench.events
    assert [start["event.sequence"], answer["event.sequence"]] == [1, 2]
    assert start["chattrail.start.returning"] is True
    assert start["chattrail.persona.id"] == "luna"
    assert bench.records[0].timestamp == 1767225600000000000


@pytest.mark.parametrize(
    ("said", "types", "sequences"),
    [
        (PersonaSelected(persona_id="luna"), ["ai_message", "persona_selected"], [2, 1]),
        (ImageGenerated(error_type="policy"), ["ai_message", "image_generated", "user_message"], [2, 3, 1]),
        (None, ["ai_message", "user_message"], [2, 1]),
    ],
)
def test_a_press_gives_way_to_what_it_meant(
    bench: Bench, said: Event | None, types: list[str], sequences: list[int]
) -> None:
    context = UpdateContext(bench.tracker, user=ANN)
    bench.tracker.arrive(UserMessage(kind="button", text="Luna"), context, None, replaceable=True)
    with bench.during(context):
        bench.tracker.record(AiMessage(text="One moment"), Place())
        if said is not None:
            bench.tracker.track(said)
    bench.tracker.settle(context)
    assert bench.types == types
    assert [event["event.sequence"] for event in bench.events] == sequences
    assert bench.records[-1].timestamp <= bench.records[0].timestamp, "the press came first"


def test_what_waits_is_recorded_at_shutdown(bench: Bench) -> None:
    context = UpdateContext(bench.tracker, user=ANN)
    bench.tracker.arrive(UserMessage(text="hi"), context, None, replaceable=False)
    bench.tracker.shutdown()
    assert bench.tracker.counts().exported == 1


async def test_tasks_that_a_handler_starts_share_its_update(bench: Bench) -> None:
    async def later() -> None:
        bench.tracker.track(ChatCleared())

    with bench.during(UpdateContext(bench.tracker, user=ANN, update_id=5)):
        task = asyncio.create_task(later())
        thread = asyncio.to_thread(bench.tracker.track, ChatCleared())
        await thread
    await task
    assert [event["telegram.update.id"] for event in bench.events] == [5, 5]


def test_details_do_not_outlive_their_block(bench: Bench) -> None:
    from chattrail.context import current_details

    with bench.tracker.details(request_model="m"):
        with bench.tracker.details(duration_ms=5):
            inner = current_details.get()
            assert inner is not None
            assert dict(inner.fields) == {"request_model": "m", "duration_ms": 5}
        outer = current_details.get()
        assert outer is not None
        assert dict(outer.fields) == {"request_model": "m"}
    assert current_details.get() is None


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
                logs[0].log_record.attributes["event.sequence"],
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


class TestPrivacy:
    def test_texts_stay_at_home(self) -> None:
        bench = Bench(message_text=False)
        secret = "canary"
        bench.tracker.track(UserMessage(text=secret, length=6), user=ANN)
        bench.tracker.track(AiMessage(text=secret, length=6), user=ANN)
        bench.tracker.track(ImageGenerated(prompt=secret, image_id="i"), user=ANN)
        bench.tracker.track(HandlerFailed(message=secret, error_type="E"), user=ANN)
        assert secret not in repr([(record.body, dict(record.attributes)) for record in bench.records])
        assert [event.get("chattrail.message.length") for event in bench.events] == [6, 6, None, None]
        bench.tracker.shutdown()

    def test_people_become_a_hash_that_holds_their_trail_together(self) -> None:
        bench = Bench(hash_user_ids_with=b"k" * 32)
        bench.tracker.track(UserMessage(text="a"), user=ANN, chat=HOME)
        bench.tracker.track(UserMessage(text="b"), user=Person("1001"), chat=Chat(-5, "group"))
        bench.tracker.track(UserMessage(text="b"), user=BOB)
        first, second, other = bench.events
        assert first["user.id"] == first["user.hash"] == second["user.id"] != other["user.id"]
        assert first["session.id"] == second["session.id"]
        assert len(first["user.id"]) == 64
        told = repr([dict(record.attributes) for record in bench.records])
        assert "1001" not in told.replace(first["user.id"], "")
        assert "Ann" not in told
        assert "ann" not in told
        assert "telegram.chat.id" not in first
        assert second["telegram.chat.id"] == -5
        bench.tracker.shutdown()

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(ValueError, match="16 or more"):
            Bench(hash_user_ids_with=b"short")


class TestBeforeSend:
    def test_it_may_change_an_event_but_not_which_event_it_is(self) -> None:
        def change(record: Record) -> Record:
            record.attributes = {
                "extra": [Breaking(), datetime(2026, 1, 1)],  # type: ignore[list-item]
                "event.id": "mine",
                "event.sequence": 99,
                "chattrail.message.text": "***",
                "": 1,
                "user.id": "7",
            }
            record.event_name = "other"
            record.timestamp = -5
            record.body = b"\xff"  # type: ignore[assignment]
            return record

        bench = Bench(before_send=change)
        bench.tracker.track(UserMessage(text="secret"), user=ANN)
        (record,) = bench.records
        attributes = dict(record.attributes)
        assert record.event_name == "chattrail.user_message"
        assert record.timestamp > 0
        assert list(attributes)[:3] == ["event.id", "event.sequence", "user.id"]
        assert UUID(attributes["event.id"])
        assert attributes["event.sequence"] == 1
        assert attributes["user.id"] == "7"
        assert attributes["chattrail.message.text"] == "***"
        bench.tracker.shutdown()

    def test_it_may_withhold_an_event_which_is_no_loss(self) -> None:
        bench = Bench(before_send=lambda record: None if "command" in record.event_name else record)
        context = UpdateContext(bench.tracker, user=ANN)
        bench.tracker.arrive(Command(name="help"), context, None, replaceable=False)
        bench.tracker.settle(context)
        bench.tracker.track(Command(name="help"), user=ANN)
        bench.tracker.track(UserMessage(text="a"), user=ANN)
        bench.tracker.track(UserMessage(text="b"), user=ANN)
        assert [event["event.sequence"] for event in bench.events] == [1, 2]
        assert (bench.tracker.withheld, bench.tracker.emitted, bench.tracker.dropped) == (2, 2, 0)
        bench.tracker.shutdown()

    @pytest.mark.parametrize("answer", [ValueError("secret words"), "text", 5])
    def test_its_mistakes_cost_the_event_and_are_counted(self, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
        def fail(record: Record) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        bench = Bench(before_send=fail)
        with caplog.at_level(logging.WARNING):
            bench.tracker.track(UserMessage(text="a"), user=ANN)
        counts = bench.tracker.counts()
        assert (counts.emitted, dict(counts.losses)) == (1, {"before_send": 1})
        assert "secret words" not in caplog.text
        bench.tracker.shutdown()
