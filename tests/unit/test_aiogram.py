"""The instrumentation against all sorts of updates and calls: what becomes an event, whose it is, and what never breaks."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.base import BaseSession
from aiogram.dispatcher.event.bases import CancelHandler
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import CallbackQuery, InputMediaPhoto, LabeledPrice, Message, Update
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

from chattrail import Tracker, create_tracker
from chattrail.aiogram import instrument
from chattrail.events import ImageRefresh, PersonaSelected
from tests.fakes.otlp_receiver import until

ANN = {"id": 1001, "is_bot": False, "first_name": "Ann", "username": "ann", "language_code": "en"}
HOME = {"id": 1001, "type": "private", "first_name": "Ann", "username": "ann"}
BOB_HOME = {"id": 1002, "type": "private", "first_name": "Bob"}
GROUP = {"id": -100, "type": "supergroup", "title": "Friends"}
CHANNEL = {"id": -200, "type": "channel", "title": "News"}
CHATS = {chat["id"]: chat for chat in (HOME, BOB_HOME, GROUP, CHANNEL)}


def sizes(name: str) -> list[dict[str, Any]]:
    return [
        {"file_id": f"{name}-{side}", "file_unique_id": f"u-{name}-{side}", "width": side, "height": side}
        for side in (90, 800, 320)
    ]


class Wire(BaseSession):
    """Answers calls with the Bot API's JSON, as the simulated Telegram does for private chats; groups too."""

    def __init__(self) -> None:
        super().__init__()
        self.message_id = 100
        self.broken = False

    async def close(self) -> None:
        pass

    async def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        yield b""

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[Any],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's signature
    ) -> Any:
        answer = {"ok": True, "result": self.result(method)}
        if self.broken:
            answer = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
        status = 200 if answer["ok"] else 403
        return self.check_response(bot, method, status, json.dumps(answer)).result

    def result(self, method: TelegramMethod[Any]) -> Any:
        name, given = type(method).__name__, method.model_dump(exclude_none=True, warnings=False)
        if name == "SetMessageReaction" or "inline_message_id" in given:
            return True
        if name == "SendMediaGroup":
            return [self.message(given, photo=sizes(f"p{n}"), **_caption(m)) for n, m in enumerate(given["media"])]
        if name in ("SendPhoto", "EditMessageMedia"):
            return self.message(given, photo=sizes("p"), **_caption(given))
        if name == "SendDocument":
            document = {"file_id": "d", "file_unique_id": "u-d", "mime_type": "image/png"}
            return self.message(given, document=document, **_caption(given))
        if name == "SendInvoice":
            invoice = {"title": "t", "description": "d", "start_parameter": "", "currency": "XTR", "total_amount": 1}
            return self.message(given, invoice=invoice)
        return self.message(given, text=given.get("text", ""))

    def message(self, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        self.message_id += 1
        chat = CHATS[given["chat_id"]]
        return {"message_id": self.message_id, "date": int(datetime.now(UTC).timestamp()), "chat": chat, **content}


def _caption(given: dict[str, Any]) -> dict[str, Any]:
    return {"caption": given["caption"]} if given.get("caption") else {}


class Bench:
    def __init__(self, **options: Any) -> None:
        self.memory = InMemoryLogRecordExporter()
        self.tracker: Tracker = create_tracker("test", exporter=self.memory)
        self.wire = Wire()
        self.bot = Bot("42:TEST", session=self.wire)
        self.router = Router()
        self.dispatcher = Dispatcher()
        self.dispatcher.include_router(self.router)
        instrument(self.dispatcher, self.bot, self.tracker, **options)
        self.update_id = 0

    async def feed(self, **update: Any) -> Any:
        self.update_id += 1
        parsed = Update.model_validate({"update_id": self.update_id, **update}, context={"bot": self.bot})
        return await self.dispatcher.feed_update(self.bot, parsed)

    async def say(self, text: str, chat: dict[str, Any] = HOME, **extra: Any) -> Any:
        return await self.feed(message=message(text=text, chat=chat, **extra))

    def on_message(self, handler: Callable[..., Any]) -> None:
        self.router.message.register(handler)

    @property
    def events(self) -> list[dict[str, Any]]:
        assert self.tracker.flush(10)
        return [
            dict(item.log_record.attributes or {})
            | {"type": str(item.log_record.event_name).removeprefix("chattrail."), "at": item.log_record.timestamp}
            for item in self.memory.get_finished_logs()
        ]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def message(**fields: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {"message_id": 7, "date": now, "chat": HOME, "from": ANN, **fields}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    assert bench.tracker.dropped == 0
    bench.tracker.shutdown()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "hi"}, {"type": "user_message", "kind": "text", "text": "hi", "length": 2}),
        ({"photo": sizes("x"), "caption": "look"}, {"type": "user_message", "kind": "photo", "text": "look"}),
        ({"photo": sizes("x"), "media_group_id": "1"}, {"type": "user_message", "kind": "photo", "text": None}),
        ({"photo": sizes("x"), "caption": "/start ad"}, {"type": "start_command", "payload": "ad"}),
        ({"voice": {"file_id": "v", "file_unique_id": "u", "duration": 1}}, {"type": "user_message", "kind": "voice"}),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, {"type": "user_message", "kind": "location"}),
        ({"dice": {"emoji": "🎲", "value": 3}}, {"type": "user_message", "kind": "dice"}),
        ({"contact": {"phone_number": "555", "first_name": "B"}}, {"type": "user_message", "text": None}),
        ({"text": "/start"}, {"type": "start_command", "payload": None, "returning": None}),
        ({"text": "/START@my_bot  a b"}, {"type": "start_command", "payload": "a b"}),
        ({"text": "/help@my_bot"}, {"type": "command", "name": "help"}),
        ({"text": "/set colour\nred"}, {"type": "command", "name": "set"}),
        ({"text": "/ no"}, {"type": "user_message", "text": "/ no"}),
        ({"text": "/not-one"}, {"type": "user_message", "text": "/not-one"}),
        ({"text": "see /help"}, {"type": "user_message", "text": "see /help"}),
    ],
)
async def test_messages(bench: Bench, content: dict[str, Any], expected: dict[str, Any]) -> None:
    await bench.feed(message=message(**content))
    (event,) = bench.events
    prefix = {"start_command": "start", "command": "command"}.get(event["type"], "message")
    assert {key: event.get(key if key == "type" else f"chattrail.{prefix}.{key}") for key in expected} == expected
    assert event["user.id"] == "1001"
    assert event["telegram.message.id"] == 7


PAYMENT = {"currency": "USD", "total_amount": 499, "invoice_payload": "month", "telegram_payment_charge_id": "c1"}


@pytest.mark.parametrize(
    ("field", "action", "extra", "amount"),
    [
        ("successful_payment", "paid", {"provider_payment_charge_id": ""}, 4.99),
        ("refunded_payment", "refunded", {"currency": "XTR"}, 499.0),
    ],
)
async def test_payments(bench: Bench, field: str, action: str, extra: dict[str, str], amount: float) -> None:
    await bench.feed(message=message(**{field: PAYMENT | extra}))
    (event,) = bench.events
    kept = {key.removeprefix("chattrail.premium."): value for key, value in event.items() if "premium." in key}
    kept.pop("telegram.user.is_premium", None)
    assert kept == {
        "action": action, "plan": "month", "amount": amount, "charge_id": "c1", "currency": extra.get("currency", "USD")
    }  # fmt: skip


def membership(old: str, new: str, chat: dict[str, Any] = HOME) -> dict[str, Any]:
    def member(status: str) -> dict[str, Any]:
        until = {"until_date": 0} if status == "kicked" else {}
        return {"status": status, "user": {"id": 42, "is_bot": True, "first_name": "b"}, **until}

    return message(old_chat_member=member(old), new_chat_member=member(new), chat=chat)


@pytest.mark.parametrize(
    ("update", "types"),
    [
        ({"my_chat_member": membership("member", "kicked")}, ["bot_blocked"]),
        ({"my_chat_member": membership("kicked", "member")}, ["bot_unblocked"]),
        ({"my_chat_member": membership("left", "member")}, []),
        ({"my_chat_member": membership("member", "kicked", GROUP)}, []),
        ({"edited_message": message(text="better", edit_date=1)}, []),
        ({"channel_post": {"message_id": 1, "date": 1, "chat": CHANNEL, "text": "news"}}, []),
        ({"message": message(new_chat_title="x", chat=GROUP)}, []),
        ({"message": message(text="x", **{"from": {**ANN, "is_bot": True}})}, []),
        ({"inline_query": {"id": "1", "from": ANN, "query": "ca", "offset": ""}}, []),
        ({"chosen_inline_result": {"result_id": "1", "from": ANN, "query": "cats"}}, ["user_message"]),
        ({"callback_query": {"id": "1", "from": ANN, "chat_instance": "1", "data": "d"}}, ["user_message"]),
        ({"callback_query": {"id": "1", "from": ANN, "chat_instance": "1", "game_short_name": "g"}}, ["user_message"]),
        ({"callback_query": {"id": "1", "from": ANN, "chat_instance": "1", "inline_message_id": "i"}}, ["user_message"]),
        ({"poll": {"id": "1", "question": "q", "options": [], "total_voter_count": 0, "is_closed": True,
                   "is_anonymous": True, "type": "regular", "allows_multiple_answers": False,
                   "allows_revoting": False, "members_only": False}}, []),
    ],
)  # fmt: skip
async def test_other_updates(bench: Bench, update: dict[str, Any], types: list[str]) -> None:
    await bench.feed(**update)
    assert bench.types == types


def press(data: str, **extra: Any) -> dict[str, Any]:
    keyboard = {"inline_keyboard": [[{"text": "🌙 Luna", "callback_data": "persona:luna"}]]}
    shown = message(text="Whom?", reply_markup=keyboard, **extra)
    return {"id": "1", "from": ANN, "chat_instance": "1", "data": data, "message": shown}


async def test_a_press_is_told_by_its_label(bench: Bench) -> None:
    await bench.feed(callback_query=press("persona:luna"))
    await bench.feed(callback_query=press("gone"))
    inaccessible = {"chat": HOME, "message_id": 5, "date": 0}
    await bench.feed(callback_query=press("old") | {"message": inaccessible})
    assert [event["chattrail.message.text"] for event in bench.events] == ["🌙 Luna", "gone", "old"]
    assert [event["telegram.message.id"] for event in bench.events] == [7, 7, 5]


async def test_a_press_gives_way_to_the_handlers_own_event(bench: Bench) -> None:
    async def chosen(query: CallbackQuery, tracker: Tracker) -> None:
        assert isinstance(query.message, Message)
        await query.message.answer("Luna it is")
        tracker.track(PersonaSelected(persona_id="luna", name="Luna"))
        tracker.track(ImageRefresh(image_id="i"))

    bench.router.callback_query.register(chosen)
    await bench.feed(callback_query=press("persona:luna"))
    events = sorted(bench.events, key=lambda event: event["event.sequence"])
    assert [event["type"] for event in events] == ["persona_selected", "ai_message", "image_refresh"]
    assert events[0]["at"] < events[1]["at"] < events[2]["at"]


async def test_what_waited_keeps_its_own_time_and_what_is_new_has_the_clocks(bench: Bench) -> None:
    old = int((datetime.now(UTC) - timedelta(hours=3)).timestamp())
    before = datetime.now(UTC).timestamp()
    await bench.say("late", date=old)
    await bench.say("now")
    late, now = bench.events
    assert late["at"] == old * 10**9
    assert now["at"] / 1e9 >= before
    assert late["session.id"] != now["session.id"]


async def test_a_handler_enriches_the_start(bench: Bench) -> None:
    async def start(message: Message, tracker: Tracker) -> None:
        tracker.annotate(returning=True, persona_id="luna")
        await message.answer("Back again!")

    bench.on_message(start)
    await bench.say("/start")
    first, second = bench.events
    assert (first["type"], first["chattrail.start.returning"], first["event.sequence"]) == ("start_command", True, 1)
    assert (second["type"], second["event.sequence"]) == ("ai_message", 2)
    assert first["chattrail.persona.id"] == second["chattrail.persona.id"] == "luna"


async def test_a_slow_handler_does_not_hold_the_trail_up(bench: Bench) -> None:
    thought = asyncio.Event()

    async def think(message: Message) -> None:
        await thought.wait()
        await message.answer("42")

    bench.on_message(think)
    task = asyncio.create_task(bench.say("what is it?"))
    await asyncio.to_thread(until, lambda: bench.tracker.emitted == 1)
    assert bench.types == ["user_message"]
    thought.set()
    await task
    assert bench.types == ["user_message", "ai_message"]


async def test_a_failure_is_told_and_raised_again(bench: Bench) -> None:
    async def fail(message: Message) -> None:
        raise KeyError("persona")

    bench.on_message(fail)
    with pytest.raises(KeyError):
        await bench.say("hi")
    message_event, failure = bench.events
    assert message_event["type"] == "user_message"
    assert failure["error.type"] == "KeyError"
    assert failure["exception.message"] == "'persona'"
    assert failure["chattrail.handler"].endswith("test_a_failure_is_told_and_raised_again.<locals>.fail")


async def test_a_cancelled_update_is_no_failure(bench: Bench) -> None:
    async def cancel(message: Message) -> None:
        raise CancelHandler

    bench.on_message(cancel)
    with pytest.raises(CancelHandler):
        await bench.say("hi")
    assert bench.types == ["user_message"]


async def test_pictures_and_captions(bench: Bench) -> None:
    async def show(message: Message) -> None:
        await message.answer_photo("file-id", caption="A fox")
        await message.answer_document("file-id")
        await message.answer_media_group([InputMediaPhoto(media="a", caption="Both"), InputMediaPhoto(media="b")])
        await message.edit_media(InputMediaPhoto(media="c"))
        await message.edit_text("not an event")
        await message.react([])

    bench.on_message(show)
    await bench.say("show")
    assert bench.types == [
        "user_message", "image_generated", "ai_message", "image_generated", "image_generated", "ai_message",
        "image_generated", "image_generated",
    ]  # fmt: skip
    fox, caption, document, *rest = bench.events[1:]
    assert (fox["chattrail.image.file_id"], fox["chattrail.image.id"]) == ("p-800", "u-p-800")
    assert caption["chattrail.message.text"] == "A fox"
    assert caption["telegram.message.id"] == fox["telegram.message.id"]
    assert (document["chattrail.image.file_id"], document["chattrail.image.content_type"]) == ("d", "image/png")
    assert [event.get("chattrail.image.file_id") for event in rest] == ["p0-800", None, "p1-800", "p-800"]


async def test_details_go_where_they_belong(bench: Bench) -> None:
    async def answer(message: Message, tracker: Tracker) -> None:
        with tracker.details(request_model="m", input_tokens=10, duration_ms=5.0, returning=True):
            await message.answer("first half")
            await message.answer("second half")
        with tracker.details(prompt="a fox", duration_ms=9.0, image_id="fox-1", request_model="m", data=b"png"):
            await message.answer_photo("file-id", caption="A fox")
        await message.answer("plain")

    bench.on_message(answer)
    await bench.say("go")
    first, second, picture, caption, plain = bench.events[1:]
    assert (first["gen_ai.request.model"], first["gen_ai.usage.input_tokens"], first["chattrail.ai.duration_ms"]) == (
        "m", 10, 5.0,
    )  # fmt: skip
    assert second["gen_ai.request.model"] == "m"
    assert "gen_ai.usage.input_tokens" not in second
    assert "chattrail.ai.duration_ms" not in second
    assert (picture["chattrail.image.id"], picture["chattrail.image.prompt"]) == ("fox-1", "a fox")
    assert (picture["chattrail.image.data"], "chattrail.image.file_id" in picture) == (b"png", False)
    assert picture["chattrail.image.duration_ms"] == 9.0
    assert "chattrail.ai.duration_ms" not in caption
    assert "gen_ai.request.model" not in plain


async def test_messages_belong_to_whom_they_are_sent_to(bench: Bench) -> None:
    async def broadcast(message: Message, bot: Bot) -> None:
        await message.answer("starting")
        await bot.send_message(1002, "news")
        await bot.send_message(-100, "news")
        await bot.send_message(-200, "news")

    bench.on_message(broadcast)
    await bench.say("/broadcast")
    whose = [(event["type"], event["user.id"], event.get("telegram.chat.id")) for event in bench.events]
    assert whose == [("command", "1001", 1001), ("ai_message", "1001", 1001), ("ai_message", "1002", 1002)]
    assert "telegram.user.language_code" not in bench.events[-1]


async def test_groups_belong_to_the_sender(bench: Bench) -> None:
    async def answer(message: Message, bot: Bot) -> None:
        await message.answer("hi Ann")
        await bot.send_message(1001, "and in private")

    bench.on_message(answer)
    await bench.say("hi", chat=GROUP)
    whose = [(event["user.id"], event["telegram.chat.id"], event["telegram.chat.type"]) for event in bench.events]
    assert whose == [("1001", -100, "supergroup"), ("1001", -100, "supergroup"), ("1001", 1001, "private")]
    assert {event["session.id"] for event in bench.events} == {bench.events[0]["session.id"]}


async def test_sends_outside_an_update(bench: Bench) -> None:
    await bench.bot.send_message(1001, "good morning")
    await bench.bot.send_message(-100, "nobody's")
    await bench.bot.send_invoice(
        1001, title="t", description="d", payload="month", currency="XTR", prices=[LabeledPrice(label="a", amount=250)]
    )
    greeting, invoice = bench.events
    assert (greeting["type"], greeting["user.id"], greeting["telegram.user.username"]) == ("ai_message", "1001", "ann")
    assert greeting["telegram.message.id"] == 101
    assert "telegram.update.id" not in greeting
    assert (invoice["chattrail.premium.action"], invoice["chattrail.premium.amount"]) == ("invoice_sent", 250.0)


async def test_a_send_that_fails_is_the_bots_and_no_event(bench: Bench) -> None:
    bench.wire.broken = True
    with pytest.raises(Exception, match="blocked by the user"):
        await bench.bot.send_message(1001, "hello?")
    assert bench.types == []


async def test_a_returned_method_is_the_updates(bench: Bench) -> None:
    async def answer(message: Message) -> SendMessage:
        return message.answer("returned")

    bench.on_message(answer)
    method = await bench.say("hi", chat=GROUP)
    await Dispatcher.silent_call_request(bench.bot, method)  # what polling does next
    assert bench.types == ["user_message", "ai_message"]
    assert bench.events[1]["user.id"] == "1001"
    assert bench.events[1]["telegram.update.id"] == 1


async def test_a_webhooks_reply_is_recorded_when_it_is_returned() -> None:
    bench = Bench(webhook_replies=True)

    async def answer(message: Message) -> TelegramMethod[Any]:
        assert message.text is not None
        return message.answer_photo(message.text, caption="c") if "p" in message.text else message.answer("returned")

    bench.on_message(answer)
    await bench.say("hi", chat=GROUP)
    await bench.say("photo-id")
    await bench.say("https://cdn.example/p.png")
    assert bench.types[1:] == [
        "ai_message", "user_message", "image_generated", "ai_message", "user_message", "image_generated", "ai_message"
    ]  # fmt: skip
    assert bench.events[1]["user.id"] == "1001"
    assert "telegram.message.id" in bench.events[1]
    assert bench.events[3]["chattrail.image.file_id"] == "photo-id"
    assert bench.events[6]["chattrail.image.url"] == "https://cdn.example/p.png"
    bench.tracker.shutdown()


async def test_instrumenting_twice_records_once(bench: Bench) -> None:
    instrument(bench.dispatcher, bench.bot, bench.tracker)
    another = Bot("43:TEST", session=bench.wire)
    instrument(bench.dispatcher, another, bench.tracker)

    async def answer(message: Message) -> None:
        await message.answer("hi")

    bench.on_message(answer)
    await bench.say("hi")
    assert bench.types == ["user_message", "ai_message"]


async def test_polling_asks_for_blocks(bench: Bench) -> None:
    assert "my_chat_member" in bench.dispatcher.resolve_used_update_types()


async def test_the_bot_never_feels_a_fault_of_the_instrumentation(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def fault(*args: object, **kwargs: object) -> Any:
        raise RuntimeError("a bug of ours")

    for place in ("incoming.read", "outgoing.read", "incoming.person"):
        monkeypatch.setattr(f"chattrail.aiogram.middleware.{place}", fault)
    answered = []

    async def answer(message: Message, tracker: Tracker) -> None:
        tracker.annotate(returning=True)
        answered.append(await message.answer("still here"))

    bench.on_message(answer)
    await bench.say("hi")
    assert len(answered) == 1
    assert dict(bench.tracker.counts().losses) == {"instrumentation": 2}
    bench.tracker.shutdown()


async def test_users_are_never_mixed_up_between_updates_at_once(bench: Bench) -> None:
    async def answer(message: Message) -> None:
        await asyncio.sleep(0)
        await message.answer(f"to {message.chat.id}")

    bench.router.message.register(answer, F.text)
    bob = {"id": 1002, "is_bot": False, "first_name": "Bob"}
    people = [(HOME, ANN), (BOB_HOME, bob)] * 20
    await asyncio.gather(*(bench.say("hi", chat, **{"from": user}) for chat, user in people))
    answers = [event for event in bench.events if event["type"] == "ai_message"]
    assert len(answers) == 40
    assert all(event["chattrail.message.text"] == f"to {event['user.id']}" for event in answers)
    assert sorted(event["event.sequence"] for event in bench.events) == list(range(1, 81))
