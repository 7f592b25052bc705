"""pyTelegramBotAPI, with threads and with an event loop: what its bots pass on, in the right trail."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import telebot
from telebot import apihelper, asyncio_helper
from telebot.async_telebot import AsyncTeleBot
from telebot.asyncio_helper import ApiTelegramException as AsyncApiTelegramException
from telebot.types import InputMediaPhoto, ReactionTypeEmoji, ReplyParameters, Update

from chattrail import telebot as integration
from chattrail.context import UpdateContext
from chattrail.telebot import instrument
from tests.support.recording import Recording
from tests.support.telegram_answers import BOB, answer, said


class Bench(Recording):
    """A bot of one of the kinds, and what was recorded of it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.bot = self.another(kind)
        instrument(self.bot, self.tracker)
        self.contexts: list[UpdateContext] = []
        host = self.bot.process_new_updates.__self__.host
        begin = host.begin

        def kept(update: object) -> UpdateContext:
            self.contexts.append(begin(update))
            return self.contexts[-1]

        host.begin = kept

    def another(self, kind: str) -> Any:
        if kind == "async":
            return AsyncTeleBot("42:TEST")
        return telebot.TeleBot("42:TEST", threaded=kind == "threads", num_threads=2)

    def on_text(self, handler: Callable[[Any], Any]) -> None:
        """Register a handler, which is a generator where it calls the bot: of coroutines where they are needed."""

        def run(message: Any) -> Any:
            return self.run(handler(message))

        async def run_async(message: Any) -> Any:
            step: Any = handler(message)
            if inspect.isgenerator(step):
                for call in cast("Iterator[Any]", step):
                    await call

        self.bot.register_message_handler(
            run_async if isinstance(self.bot, AsyncTeleBot) else run, content_types=["text"]
        )

    def run(self, step: Any) -> Any:
        return list(step) if inspect.isgenerator(step) else step

    def feed(self, *updates: dict[str, Any]) -> None:
        parsed = [Update.de_json(update) for update in updates]
        if isinstance(self.bot, AsyncTeleBot):
            self.loop.run_until_complete(self.bot.process_new_updates(parsed))
            return
        self.bot.process_new_updates(parsed)
        for _ in range(2000):
            if all(context.ended for context in self.contexts):
                return
            threading.Event().wait(0.005)
        raise AssertionError("an update has not ended")

    def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        found = getattr(self.bot, name)(*arguments, **named)
        return self.loop.run_until_complete(found) if inspect.iscoroutine(found) else found


@pytest.fixture(params=["threads", "no threads", "async"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    def send(method: str, url: str, params: Any = None, **more: Any) -> SimpleNamespace:
        reply = answer(url.rpartition("/")[2], params or {})
        return SimpleNamespace(status_code=reply.get("error_code", 200), text="", reason="", json=lambda: reply)

    async def process(token: str, url: str, method: str = "get", params: Any = None, **more: Any) -> Any:
        reply = answer(url, params or {})
        if not reply["ok"]:
            raise AsyncApiTelegramException(url, SimpleNamespace(), reply)
        return reply["result"]

    monkeypatch.setattr(apihelper, "CUSTOM_REQUEST_SENDER", send)
    monkeypatch.setattr(asyncio_helper, "_process_request", process)
    bench = Bench(request.param)
    yield bench
    if request.param == "threads":
        for worker in bench.bot.worker_pool.workers:
            worker.stop()  # ends within half a second; nothing has to wait for it
    bench.loop.close()
    assert bench.tracker.dropped == 0
    bench.tracker.shutdown()


def test_several_updates_at_once_do_not_mix(bench: Bench) -> None:
    def handle(message: Any) -> Iterator[Any]:
        yield bench.bot.send_message(message.chat.id, f"To {message.text}")
        yield bench.bot.send_message(message.chat.id, f"Again to {message.text}")

    bench.on_text(handle)
    bench.feed(said("ann"), said("bob", BOB))
    trails = {(event["user.id"], event["chattrail.message.text"]) for event in bench.events}
    people = {"1001": "ann", "1002": "bob"}
    said_to = {(who, text) for who, name in people.items() for text in (name, f"To {name}", f"Again to {name}")}
    assert trails == said_to
    assert len({event["telegram.update.id"] for event in bench.events}) == 2


def test_an_exception_is_recorded_once_with_its_handler(bench: Bench) -> None:
    def broken(message: Any) -> None:
        raise LookupError("https://api.telegram.org/bot42000:AAAAAAAAAAAA/x")

    bench.on_text(broken)
    try:
        bench.feed(said("hi"))
    except LookupError:
        assert not isinstance(bench.bot, AsyncTeleBot)
    _, failed = bench.events
    assert (failed["type"], failed["error.type"], failed["user.id"]) == ("handler_failed", "LookupError", "1001")
    assert failed["chattrail.handler"].startswith(f"{__name__}.")
    assert failed["exception.message"] == "https://api.telegram.org/bot<token>/x"


def test_an_exception_that_the_bot_handles_itself_is_recorded(bench: Bench) -> None:
    class Handler:
        def handle(self, exception: Exception) -> bool:
            return True

    class AsyncHandler:
        async def handle(self, exception: Exception) -> bool:
            return True

    def broken(message: Any) -> None:
        raise LookupError

    asynchronous = isinstance(bench.bot, AsyncTeleBot)
    bench.bot.exception_handler = AsyncHandler() if asynchronous else Handler()
    bench.on_text(broken)
    bench.feed(said("hi"))
    assert bench.types == ["user_message", "handler_failed"]


def test_the_update_ends_with_its_handlers(bench: Bench) -> None:
    def handle(message: Any) -> None:
        bench.tracker.track("within")

    bench.on_text(handle)
    bench.feed(said("hi"))
    bench.tracker.track("after")
    bench.call("send_message", 1002, "Later")
    assert [event.get("user.id") for event in bench.events] == ["1001", "1001", None, "1002"]


def test_the_next_step_of_a_conversation_is_a_part_of_its_own_update(bench: Bench) -> None:
    if isinstance(bench.bot, AsyncTeleBot):
        return  # it has states instead

    def ask(message: Any) -> Iterator[Any]:
        yield bench.bot.send_message(message.chat.id, "Your name?")
        bench.bot.register_next_step_handler(message, named)

    def named(message: Any) -> None:
        bench.bot.send_message(message.chat.id, f"Hello {message.text}")

    bench.on_text(ask)
    bench.feed(said("hi"))
    bench.feed(said("Ann"))
    assert [event["chattrail.message.text"] for event in bench.events] == ["hi", "Your name?", "Ann", "Hello Ann"]
    updates = [event["telegram.update.id"] for event in bench.events]
    assert updates[0] == updates[1] < updates[2] == updates[3]


def test_a_person_who_has_blocked_the_bot_is_marked_and_the_bot_is_told(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises((apihelper.ApiTelegramException, AsyncApiTelegramException)):
            bench.call("send_message", 1003, "Hello?")
    assert [(event["type"], event["user.id"]) for event in bench.events] == [("bot_blocked", "1003")]


def test_parameters_that_are_json_are_read(bench: Bench) -> None:
    bench.call("send_media_group", 1001, [InputMediaPhoto("p", caption="Two")] * 2)
    bench.call("set_message_reaction", 1001, 7, [ReactionTypeEmoji("👍")])
    bench.call("copy_message", 1001, 1001, 7, reply_parameters=ReplyParameters(message_id=6))
    assert bench.types == ["bot_message", "bot_message", "reaction", "bot_message"]
    assert bench.events[0]["chattrail.message.text"] == "Two"
    assert bench.events[2]["chattrail.reaction.emoji"] == "👍"
    assert bench.events[3]["telegram.message.reply_to_id"] == 6


def test_contents_that_the_framework_does_not_know_are_recorded(bench: Bench) -> None:
    bench.feed(said("", user_shared={"request_id": 1, "user_id": 5}))  # it knows `users_shared`
    (event,) = bench.events
    assert (event["chattrail.message.kind"], event["user.id"]) == ("user_shared", "1001")


def test_a_machine_without_threads_costs_no_update(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bench.call("send_message", 1001, "Good morning")  # what exports has its thread
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        bench.feed(said("hi"))
    assert bench.types == ["bot_message", "user_message"]


def test_another_bot_is_not_recorded(bench: Bench) -> None:
    bot = AsyncTeleBot("43:TEST") if isinstance(bench.bot, AsyncTeleBot) else telebot.TeleBot("43:TEST", threaded=False)
    found: Any = bot.send_message(1001, "Hi")
    if inspect.iscoroutine(found):
        bench.loop.run_until_complete(found)
    assert bench.events == []


def test_a_second_time_does_nothing_and_another_tracker_is_named(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    instrument(bench.bot, bench.tracker)
    assert caplog.text == ""
    other = Recording()
    instrument(bench.bot, other.tracker)
    bench.feed(said("hi"))
    bench.call("send_message", 1001, "Hello")
    assert bench.types == ["user_message", "bot_message"]
    assert "bot 42 is instrumented already: the tracker that was given last is not used" in caplog.text
    assert other.events == []
    other.tracker.shutdown()


def test_a_slow_handlers_question_is_recorded_meanwhile(bench: Bench) -> None:
    def slow(message: Any) -> Any:
        for _ in range(500):
            if bench.types:
                return
            yield asyncio.sleep(0.01) if isinstance(bench.bot, AsyncTeleBot) else threading.Event().wait(0.01)

    bench.on_text(slow)
    bench.feed(said("hi"))
    assert bench.types == ["user_message"]


def test_a_machine_without_room_for_a_thread_is_no_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name not in ("chattrail-deferred", "chattrail-name"):
            return start(thread)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    bench.on_text(lambda message: None)
    bench.feed(said("hi"))
    bench.feed(said("you"))
    assert bench.types == ["user_message"] * 2


def test_what_is_no_bot_or_too_old_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="instrument\\(\\) takes a TeleBot or an AsyncTeleBot, not a str"):
        instrument("42:TEST", bench.tracker)  # type: ignore[arg-type]
    monkeypatch.setattr(integration, "version", lambda _: "4.19.2")
    with pytest.raises(RuntimeError, match=r"pyTelegramBotAPI 4\.19\.2 is installed; chattrail needs 4\.20 or newer"):
        instrument(bench.bot, bench.tracker)
