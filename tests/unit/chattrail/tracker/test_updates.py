"""Events inside an update: what it gives them, and what waits for what the handler knows."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from chattrail import Person
from chattrail.context import BotAccount, EventTarget, UpdateContext
from chattrail.events import (
    AiMessage,
    ChatCleared,
    HandlerFailed,
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
    context = UpdateContext(bench.tracker, user=ANN, at=1767225600000000000)
    bench.tracker.arrive(StartCommand(payload="ad"), context)
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


def update(bench: Bench, at: int = 1_767_225_600 * 10**9, update_id: int = 5) -> UpdateContext:
    return UpdateContext(bench.tracker, BotAccount(42), ANN, kind="message", at=at, update_id=update_id)


def test_what_a_handler_tracks_stands_where_its_update_does(bench: Bench) -> None:
    context = update(bench)
    bench.tracker.arrive(UserMessage(kind="button", text="Luna"), context)
    earlier, later = (datetime.fromtimestamp(context.at / 1e9 + seconds, UTC) for seconds in (-1, 3))
    with bench.during(context):
        bench.tracker.record(AiMessage(text="One moment"), EventTarget(), context, timestamp=earlier)
        bench.tracker.record(AiMessage(text="Here"), EventTarget(), context, timestamp=later)
        bench.tracker.track(PersonaSelected(persona_id="luna"))
        bench.tracker.record(AiMessage(text="Hi"), EventTarget(), context, timestamp=earlier)
        bench.tracker.track(ChatCleared(), timestamp=earlier)
    bench.tracker.settle(context)
    assert [(event["type"], (event["at"] - context.at) // 10**9) for event in bench.events] == [
        ("user_message", 0), ("ai_message", 0), ("ai_message", 3), ("persona_selected", 0), ("ai_message", 3),
        ("chat_cleared", -1),
    ]  # fmt: skip


def test_an_update_that_comes_again_has_the_same_ids_and_times(bench: Bench) -> None:
    for _ in range(2):
        context = update(bench)
        bench.tracker.arrive(UserMessage(text="hi"), context)
        with bench.during(context):
            for offer in ("month", "year"):
                bench.tracker.track(PremiumAction(action="offered", plan=offer))
            bench.tracker.track(ChatCleared(), user=BOB)
            bench.tracker.record(AiMessage(text="hi"), EventTarget(), context)
            bench.tracker.record(HandlerFailed(error_type="E"), EventTarget(), context)
    first, second = bench.events[:6], bench.events[6:]
    same = [(one["type"], one["event.id"] == two["event.id"]) for one, two in zip(first, second, strict=True)]
    assert same == [
        ("user_message", True), ("premium_action", True), ("premium_action", True), ("chat_cleared", True),
        ("ai_message", False), ("handler_failed", False),
    ]  # fmt: skip
    assert [one["at"] for one in first[:4]] == [two["at"] for two in second[:4]]
    assert len({event["event.id"] for event in bench.events}) == 8
    assert {UUID(event["event.id"]).version for event in first} == {5, 7}


def test_bots_and_updates_tell_events_apart(bench: Bench) -> None:
    for bot, number in ((42, 5), (43, 5), (42, 6)):
        context = UpdateContext(bench.tracker, BotAccount(bot), ANN, update_id=number, kind="message")
        bench.tracker.arrive(UserMessage(text="hi"), context)
        bench.tracker.settle(context)
    assert len({event["event.id"] for event in bench.events}) == 3


def test_a_payment_is_one_by_its_charge(bench: Bench) -> None:
    paid, renewed = (PremiumAction(action=action, charge_id="c") for action in ("paid", "paid"))
    month = 30 * 86400 * 10**9
    for context in (update(bench), update(bench, update_id=6), update(bench, update_id=7, at=month)):
        bench.tracker.arrive(paid, context)
        with bench.during(context):
            bench.tracker.track(renewed)  # the bot says so itself, too
    ids = [event["event.id"] for event in bench.events]
    assert ids[0] == ids[1] == ids[2] == ids[3] != ids[4] == ids[5]


def test_what_waits_is_recorded_at_shutdown(bench: Bench) -> None:
    context = UpdateContext(bench.tracker, user=ANN)
    bench.tracker.arrive(UserMessage(text="hi"), context)
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
