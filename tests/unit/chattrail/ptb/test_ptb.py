"""python-telegram-bot: what its application and bot pass on, in the right trail."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram
from telegram import Update
from telegram.error import Forbidden
from telegram.ext import Application, ApplicationHandlerStop, ExtBot, MessageHandler, filters
from telegram.request import BaseRequest, RequestData

from chattrail import ptb
from chattrail.ptb import instrument
from tests.support.recording import Recording
from tests.support.telegram_answers import BOB, answer, said


class Wire(BaseRequest):
    """Answers calls as Telegram would."""

    read_timeout = 1.0

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **more: Any
    ) -> tuple[int, bytes]:
        given = request_data.json_parameters if request_data is not None else {}
        reply = answer(url.rpartition("/")[2], dict(given))
        return reply.get("error_code", 200), json.dumps(reply).encode()


class Bench(Recording):
    """An application on the wire, and what was recorded of it."""

    def __init__(self) -> None:
        super().__init__()
        self.application = self.another()
        instrument(self.application, self.tracker)

    def another(self) -> Any:
        return Application.builder().token("42:TEST").request(Wire()).get_updates_request(Wire()).build()

    def on_text(self, handler: Any, **options: Any) -> None:
        self.application.add_handler(MessageHandler(filters.TEXT, handler, **options))

    async def feed(self, update: dict[str, Any]) -> None:
        await self.application.process_update(Update.de_json(update, self.application.bot))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    async with bench.application:
        yield bench
    assert bench.tracker.dropped == 0
    bench.tracker.shutdown()


async def test_an_application_and_its_bot_stay_what_they_were(bench: Bench) -> None:
    assert isinstance(bench.application, Application)
    assert (type(bench.application).__qualname__, type(bench.application.bot).__name__) == ("Application", "ExtBot")
    assert isinstance(bench.application.bot, ExtBot)
    assert bench.tracker.bot(42).username == "my_bot"


async def test_updates_that_are_handled_at_once_do_not_mix(bench: Bench) -> None:
    both = asyncio.Barrier(2)

    async def handle(update: Update, context: Any) -> None:
        assert update.message is not None
        await both.wait()
        await update.message.reply_text(f"To {update.message.text}")

    bench.on_text(handle)
    await asyncio.gather(bench.feed(said("ann")), bench.feed(said("bob", BOB)))
    trails = {(event["user.id"], event["chattrail.message.text"]) for event in bench.events}
    assert trails == {("1001", "ann"), ("1001", "To ann"), ("1002", "bob"), ("1002", "To bob")}


async def test_an_exception_is_recorded_with_its_handler_and_goes_on(bench: Bench) -> None:
    seen: list[Any] = []

    async def broken(update: Update, context: Any) -> None:
        raise LookupError("https://api.telegram.org/bot42000:AAAAAAAAAAAA/x")

    async def note(update: object, context: Any) -> None:
        seen.append(context.error)

    bench.on_text(broken)
    bench.application.add_error_handler(note)
    await bench.feed(said("hi"))
    _, failed = bench.events
    assert (failed["type"], failed["error.type"]) == ("handler_failed", "LookupError")
    assert failed["chattrail.handler"] == f"{__name__}.{broken.__qualname__}"
    assert failed["exception.message"] == "https://api.telegram.org/bot<token>/x"
    assert [type(error) for error in seen] == [LookupError]


async def test_a_handler_that_is_not_waited_for_is_a_part_of_its_update(bench: Bench) -> None:
    go = asyncio.Event()

    async def slow(update: Update, context: Any) -> None:
        await go.wait()
        bench.tracker.track("slow")
        raise LookupError

    async def later() -> None:
        bench.tracker.track("later")

    bench.on_text(slow, block=False)
    await bench.application.start()
    await bench.feed(said("hi"))
    go.set()
    async with asyncio.timeout(5):
        while "handler_failed" not in bench.types:  # noqa: ASYNC110 - a task that nobody hands out
            await asyncio.sleep(0)
    await bench.application.create_task(later())
    await bench.application.stop()
    assert [(event["type"], event.get("user.id")) for event in bench.events[:3]] == [
        ("user_message", "1001"), ("custom", "1001"), ("handler_failed", "1001")
    ]  # fmt: skip
    assert "user.id" not in bench.events[3]


async def test_an_apology_that_is_not_waited_for_is_a_part_of_its_update(bench: Bench) -> None:
    told = asyncio.Event()

    async def broken(update: Update, context: Any) -> None:
        raise LookupError

    async def apologise(update: object, context: Any) -> None:
        await asyncio.sleep(0)
        await context.bot.send_message(1001, "Sorry")
        told.set()

    bench.on_text(broken)
    bench.application.add_error_handler(apologise, block=False)
    await bench.application.start()
    await bench.feed(said("hi"))
    await told.wait()
    await bench.application.stop()
    said_hi, failed, sorry = bench.events
    assert sorry["telegram.update.id"] == failed["telegram.update.id"] == said_hi["telegram.update.id"]


async def test_stopping_the_handlers_is_no_failure(bench: Bench) -> None:
    async def stop(update: Update, context: Any) -> None:
        raise ApplicationHandlerStop

    bench.on_text(stop)
    await bench.feed(said("hi"))
    assert bench.types == ["user_message"]


async def test_a_person_who_has_blocked_the_bot_is_marked_and_the_bot_is_told(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(Forbidden):
            await bench.application.bot.send_message(1003, "Hello?")
    assert [(event["type"], event["user.id"]) for event in bench.events] == [("bot_blocked", "1003")]


async def test_parameters_may_be_objects(bench: Bench) -> None:
    photo = telegram.InputMediaPhoto("p", caption="Two")
    await bench.application.bot.send_media_group(1001, [photo, photo])
    await bench.application.bot.set_message_reaction(1001, 7, [telegram.ReactionTypeEmoji("👍")])
    assert bench.types == ["bot_message", "bot_message", "reaction"]
    assert bench.events[0]["chattrail.message.text"] == "Two"
    assert bench.events[2]["chattrail.reaction.emoji"] == "👍"


async def test_a_kind_of_update_that_the_framework_does_not_know_is_recorded(bench: Bench) -> None:
    update = said("hi")
    await bench.feed({"update_id": 5, "guest_message": update["message"] | {"guest_query_id": "q"}})
    assert [(event["user.id"], event["telegram.update.id"]) for event in bench.events] == [("1001", 5)]
    assert bench.types == ["user_message"]


async def test_contents_that_the_framework_does_not_know_are_recorded(bench: Bench) -> None:
    await bench.feed(said("", rich_message={"blocks": [{"type": "paragraph", "text": "newer"}]}))
    (event,) = bench.events
    assert (event["chattrail.message.kind"], event["chattrail.message.text"]) == ("rich_message", "newer")
    assert (event["user.id"], event["telegram.user.username"]) == ("1001", "ann")


async def test_what_is_no_update_passes(bench: Bench) -> None:
    await bench.application.process_update("something of the bot's own")
    assert bench.events == []


async def test_a_second_time_does_nothing_and_another_tracker_is_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    before = type(bench.application), type(bench.application.bot)
    instrument(bench.application, bench.tracker)
    assert caplog.text == ""
    other = Recording()
    instrument(bench.application, other.tracker)
    assert (type(bench.application), type(bench.application.bot)) == before
    assert "bot 42 is instrumented already: the tracker that was given last is not used" in caplog.text
    other.tracker.shutdown()


async def test_a_slow_handlers_question_is_recorded_meanwhile(bench: Bench) -> None:
    async def slow(update: Update, context: Any) -> None:
        async with asyncio.timeout(5):
            while not bench.types:  # noqa: ASYNC110 - it is recorded by a timer
                await asyncio.sleep(0.01)

    bench.on_text(slow)
    await bench.feed(said("hi"))
    assert bench.types == ["user_message"]


def test_an_older_release_is_refused_by_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb, "_installed", (20, 8, 0, "final", 0))
    with pytest.raises(RuntimeError, match=r"python-telegram-bot 20\.8 is installed; chattrail needs 21 or newer"):
        instrument(bench.another(), bench.tracker)


async def test_secrets_are_in_no_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="chattrail")
    await bench.feed(said("my secret"))
    assert "my secret" not in "".join(one.getMessage() for one in caplog.records if one.name == "chattrail")
