"""What a bot does is recorded when its handlers wait, as it was when they did it."""

import asyncio
import gc
import weakref
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram.methods import DeleteMessages, EditMessageText
from aiogram.types import BufferedInputFile, CallbackQuery, InputMediaPhoto, Message

from chattrail import Tracker, backlog
from chattrail.context import UpdateContext
from chattrail.events import PremiumAction, StorySelected
from chattrail.record import Record
from tests.unit.chattrail.aiogram.bench import ANN, HOME, Bench

pytestmark = pytest.mark.usefixtures("at_leisure")


@pytest.fixture
def at_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timer interferes, however slow the machine is."""
    monkeypatch.setattr(backlog, "DELAY_S", 3600.0)


def exported(bench: Bench) -> int:
    return bench.tracker._sink.counts().emitted


async def test_a_handler_waits_for_nothing_of_it(bench: Bench) -> None:
    seen = []

    async def handle(message: Message) -> None:
        for text in ("a", "b", "c"):
            await message.answer(text)
        seen.append((len(bench.tracker.backlog), exported(bench)))

    bench.on_message(handle)
    await bench.say("hi")
    assert seen == [(4, 0)]
    await asyncio.sleep(0)  # the next time that the bot waits for something
    assert (len(bench.tracker.backlog), exported(bench)) == (0, 4)
    assert bench.types == ["user_message"] + ["bot_message"] * 3
    assert [event["event.sequence"] for event in bench.events] == [1, 2, 3, 4]


async def test_a_broadcast_is_recorded_without_an_update(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "DELAY_S", 0.001)
    await bench.bot.send_message(1001, "news")
    recorded = asyncio.Event()
    bench.tracker.backlog.add(0, recorded.set)
    await asyncio.wait_for(recorded.wait(), 10)
    assert exported(bench) == 1


async def test_what_a_handler_tracks_keeps_its_place(bench: Bench) -> None:
    async def handle(message: Message, chattrail_tracker: Tracker) -> None:
        await message.answer("which story?")
        chattrail_tracker.track(StorySelected(story_id="moon"))
        await message.answer("the moon")
        chattrail_tracker.annotate(story_id="sun")
        await message.answer("the sun")
        chattrail_tracker.track("quiz", score=1)

    bench.on_message(handle)
    await bench.say("hi")
    found = [(event["type"], event.get("chattrail.story.id"), event["event.sequence"]) for event in bench.events]
    assert found == [
        ("user_message", None, 1), ("bot_message", None, 2), ("story_selected", "moon", 3), ("bot_message", "moon", 4),
        ("bot_message", "sun", 5), ("custom", "sun", 6),
    ]  # fmt: skip


async def test_what_is_changed_after_the_call_was_not_sent(bench: Bench) -> None:
    async def handle(message: Message, bot: Any) -> None:
        numbers = [5, 6]
        deletion = DeleteMessages.model_construct(chat_id=1001, message_ids=numbers)
        await bot(deletion)
        numbers.clear()
        edit = EditMessageText(inline_message_id="i1", text="first")
        await bot(edit)
        edit.text = "second"

    bench.on_message(handle)
    await bench.say("hi")
    deleted = [event["telegram.message.id"] for event in bench.events if event["type"] == "message_deleted"]
    edited = [event["chattrail.message.text"] for event in bench.events if event["type"] == "message_edited"]
    assert (deleted, edited) == ([5, 6], ["first"])


async def test_details_hold_for_what_is_sent_inside_of_their_block(bench: Bench) -> None:
    async def handle(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="m", output_tokens=7):
            await message.answer("an answer")
            await message.answer("its end")
        await message.answer("a menu")

    bench.on_message(handle)
    await bench.say("hi")
    found = [(event["type"], event.get("gen_ai.usage.output_tokens")) for event in bench.events[1:]]
    assert found == [("ai_message", 7), ("ai_message", None), ("bot_message", None)]


@pytest.mark.parametrize("kind", ["photo", "album", "returned"])
async def test_uploads_are_not_held(kind: str) -> None:
    bench = Bench(webhook_replies=True)
    held: list[weakref.ref[Any]] = []

    async def handle(message: Message) -> Any:
        file = BufferedInputFile(b"x" * 9, "a.png")
        held.append(weakref.ref(file))
        if kind == "photo":
            await message.answer_photo(file)
        elif kind == "album":
            await message.answer_media_group([InputMediaPhoto(media=file), InputMediaPhoto(media=file)])
        else:
            return message.answer_photo(file, caption="here")
        return None

    bench.on_message(handle)
    returned = await bench.say("hi")
    assert len(bench.tracker.backlog) >= 2
    del returned
    gc.collect()
    assert held[0]() is None
    assert bench.events[1]["chattrail.message.kind"] == "photo"
    bench.tracker.shutdown()


async def test_a_press_is_as_late_as_it_came_however_long_it_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later:
        @staticmethod
        def time_ns() -> int:
            return int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1e9)

    async def handle(query: CallbackQuery) -> None:
        monkeypatch.setattr("chattrail.clock.time", Later)

    bench.router.callback_query.register(handle)
    shown = {"message_id": 5, "date": 1_790_000_000, "chat": HOME, "text": "Whom?"}
    await bench.feed(callback_query={"id": "1", "from": ANN, "chat_instance": "1", "data": "d", "message": shown})
    bench.tracker.backlog.drain()
    monkeypatch.undo()
    assert bench.events[0]["at"] < (datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1e9


async def test_a_before_send_is_asked_inside_of_the_handler() -> None:
    asked: list[str] = []

    def before_send(record: Record) -> Record:
        asked.append(record.event_name)
        return record

    bench = Bench(before_send=before_send)

    async def handle(message: Message) -> None:
        await message.answer("hi")
        assert asked == ["chattrail.user_message", "chattrail.bot_message"]

    bench.on_message(handle)
    await bench.say("hi")
    assert len(asked) == 2
    bench.tracker.shutdown()


async def test_an_exception_of_a_handler_comes_after_what_it_sent(bench: Bench) -> None:
    async def handle(message: Message) -> None:
        await message.answer("hi")
        raise LookupError("gone")

    bench.on_message(handle)
    with pytest.raises(LookupError):
        await bench.say("hi")
    assert bench.types == ["user_message", "bot_message", "handler_failed"]


async def test_a_fault_of_ours_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr("chattrail.botapi.updates.read", None)

    async def handle(message: Message) -> None:
        await message.answer("hi")

    bench.on_message(handle)
    await bench.say("hi")
    assert bench.types == ["bot_message"]
    assert dict(bench.tracker.counts().losses) == {"instrumentation": 1}
    bench.tracker.shutdown()


async def test_a_premium_action_is_of_the_update_that_it_is_tracked_in(bench: Bench) -> None:
    async def handle(message: Message, chattrail_tracker: Tracker) -> None:
        chattrail_tracker.track(PremiumAction(action="offered"))

    bench.on_message(handle)
    await bench.say("hi")
    user, offered = bench.events
    assert (offered["telegram.update.id"], offered["at"], offered["user.id"]) == (1, user["at"], "1001")


async def test_an_update_whose_handler_takes_long_is_recorded_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.botapi.deferred.SECONDS", 0.001)
    settled, settle = asyncio.Event(), bench.tracker.settle

    def settling(context: UpdateContext) -> None:
        settle(context)
        settled.set()

    monkeypatch.setattr(bench.tracker, "settle", settling)
    seen = []

    async def handle(message: Message) -> None:
        await asyncio.wait_for(settled.wait(), 10)
        seen.append(exported(bench))

    bench.on_message(handle)
    await bench.say("hi")
    assert seen == [1]
