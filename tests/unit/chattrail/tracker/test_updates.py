"""Events inside an update: what it gives them, and what waits for what the handler knows."""

import asyncio
from datetime import UTC, datetime

import pytest

from chattrail import Person
from chattrail.context import EventTarget, UpdateContext
from chattrail.events import (
    AiMessage,
    ChatCleared,
    Event,
    ImageGenerated,
    PersonaSelected,
    PremiumAction,
    StartCommand,
    UserMessage,
)
from tests.unit.chattrail.tracker.bench import ANN, BOB, HOME, Bench


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


def test_an_incoming_event_takes_up_what_the_handler_knows(bench: Bench) -> None:
    context = UpdateContext(bench.tracker, user=ANN)
    arrival = datetime(2026, 1, 1, tzinfo=UTC)
    bench.tracker.arrive(StartCommand(payload="ad"), context, arrival, replaceable=False)
    with bench.during(context):
        bench.tracker.annotate(returning=True, persona_id="luna", nonsense=1)
        bench.tracker.record(AiMessage(text="Hello"), EventTarget(), context)
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
        bench.tracker.record(AiMessage(text="One moment"), EventTarget(), context)
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
