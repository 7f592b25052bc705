"""Several bots in a process: nothing is recorded twice, and every event says whose it is."""

import asyncio
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.methods import TelegramMethod
from aiogram.types import Message, Update

from chattrail import Person, Tracker
from chattrail.aiogram import instrument
from chattrail.events import ChatCleared
from tests.support.fakes.otlp_receiver import until
from tests.support.recording import Recording
from tests.unit.chattrail.aiogram.bench import Bench, Wire, message


async def answer(message: Message) -> None:
    await message.answer("hi")


async def feed(dispatcher: Dispatcher, bot: Bot, **update: Any) -> None:
    content = update or {"message": message(text="hi")}
    await dispatcher.feed_update(bot, Update.model_validate({"update_id": 1, **content}, context={"bot": bot}))


def bots(recording: Recording) -> list[tuple[str, int, str | None]]:
    return [(event["type"], event["telegram.bot.id"], event.get("telegram.bot.username")) for event in recording.events]


async def test_two_dispatchers_on_one_session() -> None:
    wire = Wire()
    recordings = Recording(), Recording()
    sides = [(Dispatcher(), Bot(f"{number}:TEST", session=wire)) for number in (42, 43)]
    for (dispatcher, bot), recording in zip(sides, recordings, strict=True):
        dispatcher.message.register(answer)
        instrument(dispatcher, bot, recording.tracker)
        recording.tracker.bot(bot.id).username = f"bot_{bot.id}"
    for dispatcher, bot in sides:
        await feed(dispatcher, bot)
        await bot.send_message(1001, "later")
    for (_, bot), recording in zip(sides, recordings, strict=True):
        name = f"bot_{bot.id}"
        assert bots(recording) == [
            ("user_message", bot.id, name), ("bot_message", bot.id, name), ("bot_message", bot.id, name)
        ]  # fmt: skip
        recording.tracker.shutdown()


async def test_one_dispatcher_with_a_tracker_for_each_bot() -> None:
    dispatcher = Dispatcher()
    recordings = Recording(), Recording()
    chosen: list[Tracker] = []
    pair = [Bot(f"{number}:TEST", session=Wire()) for number in (42, 43)]

    @dispatcher.message()
    async def forward(message: Message, bot: Bot, chattrail_tracker: Tracker) -> None:
        chosen.append(chattrail_tracker)
        await message.answer("hi")
        await next(other for other in pair if other is not bot).send_message(1001, "I am another")

    for bot, recording in zip(pair, recordings, strict=True):
        instrument(dispatcher, bot, recording.tracker)
    for bot in pair:
        await feed(dispatcher, bot)
    assert chosen == [recording.tracker for recording in recordings]
    for bot, recording in zip(pair, recordings, strict=True):
        assert sorted(recording.types) == ["bot_message", "bot_message", "user_message"]
        assert {event["telegram.bot.id"] for event in recording.events} == {bot.id}
        outside = [event for event in recording.events if "telegram.update.id" not in event]
        assert [event["chattrail.message.text"] for event in outside] == ["I am another"]
        recording.tracker.shutdown()


async def test_one_tracker_for_several_bots(bench: Bench) -> None:
    second, third = Bot("43:TEST", session=Wire()), Bot("44:TEST", session=Wire())
    instrument(bench.dispatcher, second, bench.tracker)
    bench.on_message(answer)
    for bot in (bench.bot, second, third):  # the last one is of a dispatcher that makes its bots as they come
        bench.tracker.bot(bot.id).username = f"bot_{bot.id}"
        await feed(bench.dispatcher, bot)
    bench.tracker.track(ChatCleared(), user=Person(1001), bot_id=43)
    assert [event["telegram.bot.id"] for event in bench.events] == [42, 42, 43, 43, 44, 44, 43]
    assert bench.events[-1]["telegram.bot.username"] == "bot_43"


async def test_the_two_lines_run_twice_do_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    other = Recording()
    instrument(bench.dispatcher, bench.bot, other.tracker)
    instrument(bench.dispatcher, Bot("42:TEST", session=bench.wire), other.tracker)
    bench.on_message(answer)
    await bench.say("hi")
    assert bench.types == ["user_message", "bot_message"]
    assert other.types == []
    assert "bot 42 is instrumented already" in caplog.text
    other.tracker.shutdown()


async def test_a_bot_that_has_no_tracker_is_not_anothers(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    recordings = Recording(), Recording()
    wire = Wire()
    for number, recording in zip((42, 43), recordings, strict=True):
        instrument(dispatcher, Bot(f"{number}:TEST", session=wire), recording.tracker)
    stranger = Bot("44:TEST", session=wire)
    await feed(dispatcher, stranger)
    await feed(dispatcher, stranger)
    assert [recording.types for recording in recordings] == [[], []]
    assert caplog.text.count("bot 44 is not recorded") == 1
    for recording in recordings:
        recording.tracker.shutdown()


async def test_a_bot_behind_a_webhook_learns_its_name(bench: Bench) -> None:
    bench.tracker.bot(42).username = None
    bench.on_message(answer)
    await bench.say("hi")
    await asyncio.to_thread(until, lambda: bench.tracker.bot(42).username == "my_bot")
    await bench.say("hi")
    assert [event.get("telegram.bot.username") for event in bench.events][2:] == ["my_bot", "my_bot"]


async def test_a_webhook_asks_for_the_name_at_its_start_and_polling_by_itself(bench: Bench) -> None:
    bench.tracker.bot(42).username = None
    await bench.dispatcher.emit_startup(bot=bench.bot, bots=(bench.bot,))
    assert bench.wire.asked == 0
    await bench.dispatcher.emit_startup(bot=bench.bot)
    await asyncio.to_thread(until, lambda: bench.tracker.bot(42).username == "my_bot")
    assert bench.wire.asked == 1


async def test_telegram_may_not_say_a_name(bench: Bench) -> None:
    bench.tracker.bot(42).username = None
    bench.wire.broken = True
    await bench.say("/help@my_bot")
    assert [(event["type"], event["telegram.bot.id"]) for event in bench.events] == [("command", 42)]


class Direct(Wire):
    """A session that passes over its middlewares."""

    async def __call__(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ASYNC109
        return await self.make_request(bot, method, timeout)


class DirectBot(Bot):
    """A bot that passes over its session's middlewares."""

    async def __call__(self, method: TelegramMethod[Any], request_timeout: int | None = None) -> Any:
        return await self.session.make_request(self, method, timeout=request_timeout)


@pytest.mark.parametrize("bot", [Bot("42:TEST", session=Direct()), DirectBot("42:TEST", session=Wire())])
async def test_an_overridden_call_is_recorded_all_the_same(bot: Bot) -> None:
    recording, dispatcher = Recording(), Dispatcher()
    dispatcher.message.register(answer)
    instrument(dispatcher, bot, recording.tracker)
    await feed(dispatcher, bot)
    assert recording.types == ["user_message", "bot_message"]
    recording.tracker.shutdown()


async def test_a_session_that_was_replaced_is_recorded_from_the_next_update_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.bot.session = Wire()
    bench.on_message(answer)
    await bench.say("hi")
    await bench.say("hi")
    await bench.bot.send_message(1001, "later")
    assert bench.types == ["user_message", "bot_message", "user_message", "bot_message", "bot_message"]
    assert caplog.text.count("the session of bot 42 was replaced") == 1


async def test_another_object_of_a_bot_is_the_same_bot(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.on_message(answer)
    for bot in [Bot("42:TEST", session=Wire()) for _ in range(3)]:
        await feed(bench.dispatcher, bot)
    assert bench.types == ["user_message", "bot_message"] * 3
    assert caplog.text == ""


async def test_another_object_of_a_bot_that_only_sends_is_recorded_once_it_is_named(bench: Bench) -> None:
    another = Bot("42:TEST", session=Wire())
    instrument(bench.dispatcher, another, bench.tracker)
    await another.send_message(1001, "from a job")
    assert [(event["type"], event["telegram.bot.id"]) for event in bench.events] == [("bot_message", 42)]


async def test_the_hosts_own_tracker_stays_its_own() -> None:
    bench = Bench()
    bench.dispatcher["tracker"] = "the host's"
    seen: list[object] = []

    async def handler(message: Message, tracker: str) -> None:
        seen.append(tracker)

    bench.on_message(handler)
    instrument(bench.dispatcher, Bot("43:TEST", session=bench.wire), bench.tracker)
    await bench.say("hi")
    assert seen == ["the host's"]
    assert bench.dispatcher["chattrail_tracker"] is bench.tracker
    bench.tracker.shutdown()


async def test_an_update_of_a_newer_kind_is_no_lost_event(bench: Bench) -> None:
    with pytest.warns(RuntimeWarning, match="unknown update type"):  # aiogram's own
        await bench.feed(something_of_next_year={"id": "1"})
    assert (bench.types, bench.tracker.dropped) == ([], 0)


async def test_a_bot_of_an_unusual_make_is_recorded(bench: Bench) -> None:
    """aiogram's own name for it is private: another class of bots, or another release, may keep something else there."""
    bot = Bot("43:TEST", session=Wire())
    bot._me = object()  # type: ignore[assignment]
    instrument(bench.dispatcher, bot, bench.tracker)
    await bench.dispatcher.emit_startup()
    await feed(bench.dispatcher, bot)
    assert bots(bench) == [("user_message", 43, None)]
