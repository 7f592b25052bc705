"""Updates of all sorts: which event each becomes, and what a handler may add to it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from aiogram.types import CallbackQuery, Message, Update

from chattrail import Tracker
from chattrail.botapi.updates import UPDATES
from chattrail.events import ImageRefresh, PersonaSelected
from tests.support.fakes.otlp_receiver import until
from tests.unit.chattrail.aiogram.bench import ANN, CHANNEL, GROUP, HOME, Bench, message, sizes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "hi"}, {"type": "user_message", "kind": "text", "text": "hi", "length": 2}),
        ({"photo": sizes("x"), "caption": "look"}, {"type": "user_message", "kind": "photo", "text": "look"}),
        ({"photo": sizes("x"), "media_group_id": "1"}, {"type": "user_message", "kind": "photo", "text": None}),
        ({"voice": {"file_id": "v", "file_unique_id": "u", "duration": 1}}, {"type": "user_message", "kind": "voice"}),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, {"type": "user_message", "kind": "location"}),
        ({"dice": {"emoji": "🎲", "value": 3}}, {"type": "user_message", "kind": "dice"}),
        (
            {"checklist": {"title": "t", "tasks": [{"id": 1, "text": "a"}]}},
            {"type": "user_message", "kind": "checklist"},
        ),
        (
            {"paid_media": {"star_count": 1, "paid_media": [{"type": "preview"}]}},
            {"type": "user_message", "kind": "paid_media"},
        ),
        ({"contact": {"phone_number": "555", "first_name": "B"}}, {"type": "user_message", "text": None}),
        ({"text": "/start"}, {"type": "start_command", "payload": None, "returning": None}),
        ({"text": "/START@my_bot  a b"}, {"type": "start_command", "payload": "a b"}),
        ({"text": "/help@My_Bot"}, {"type": "command", "name": "help", "arguments": None}),
        ({"text": "/help@other_bot"}, {"type": "user_message", "text": "/help@other_bot"}),
        ({"text": "/start@other_bot ref_7"}, {"type": "user_message", "text": "/start@other_bot ref_7"}),
        ({"text": "/start@my_bot ref_7"}, {"type": "start_command", "payload": "ref_7"}),
        ({"text": "/set colour\nred"}, {"type": "command", "name": "set", "arguments": "colour\nred"}),
        ({"text": "/imagine a red fox"}, {"type": "command", "name": "imagine", "arguments": "a red fox"}),
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
        "action": action, "plan": "month", "amount": amount, "charge_id": "c1", "currency": extra.get("currency", "USD"),
        "minor_units": 499,
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
        ({"edited_message": message(text="better", edit_date=1)}, ["message_edited"]),
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


async def test_a_press_stays_beside_the_handlers_own_events(bench: Bench) -> None:
    async def chosen(query: CallbackQuery, chattrail_tracker: Tracker) -> None:
        assert isinstance(query.message, Message)
        await query.message.answer("Luna it is")
        chattrail_tracker.track(PersonaSelected(persona_id="luna", name="Luna"))
        chattrail_tracker.track(ImageRefresh(image_id="i"))

    bench.router.callback_query.register(chosen)
    await bench.feed(callback_query=press("persona:luna"))
    assert bench.types == ["user_message", "bot_message", "persona_selected", "image_refresh"]
    assert [event["event.sequence"] for event in bench.events] == [1, 2, 3, 4]
    assert len({event["session.id"] for event in bench.events}) == 1


async def test_messages_have_telegrams_time_and_presses_that_of_their_arrival(bench: Bench) -> None:
    old = int((datetime.now(UTC) - timedelta(hours=3)).timestamp())
    before = int(datetime.now(UTC).timestamp())
    await bench.say("late", date=old)
    await bench.say("in the future", date=before + 3)
    await bench.feed(my_chat_member=membership("member", "kicked") | {"date": old})
    await bench.feed(callback_query=press("persona:luna", date=old))
    late, future, blocked, pressed = bench.events
    assert [event["at"] // 10**9 for event in (late, future, blocked)] == [old, before + 3, old]
    assert before <= pressed["at"] // 10**9 <= int(datetime.now(UTC).timestamp())
    assert pressed["at"] % 10**9 == 0, "in whole seconds, as what is sent: their order is that of the numbers"
    assert late["session.id"] == blocked["session.id"] != future["session.id"] == pressed["session.id"]


async def test_an_update_that_telegram_delivers_again_is_the_same_event(bench: Bench) -> None:
    async def track(event: Any, chattrail_tracker: Tracker) -> None:
        chattrail_tracker.track(PersonaSelected(persona_id="luna"))

    bench.on_message(track)
    bench.router.callback_query.register(track)
    for update in ({"message": message(text="hi")}, {"callback_query": press("persona:luna")}):
        for _ in range(2):
            bench.update_id = 7
            await bench.feed(**update)
            bench.update_id += 1
    ids = [event["event.id"] for event in bench.events]
    assert ids[0:2] == ids[2:4]
    assert ids[4:6] == ids[6:8]
    assert [UUID(one).version for one in ids] == [5, 5, 5, 5, 8, 8, 8, 8], "8: the time is that of the arrival"
    assert len(set(ids)) == 4, "a message and a press of one number are two, and so is what each has tracked"


async def test_a_handler_enriches_the_start(bench: Bench) -> None:
    async def start(message: Message, chattrail_tracker: Tracker) -> None:
        chattrail_tracker.annotate(returning=True, persona_id="luna")
        await message.answer("Back again!")

    bench.on_message(start)
    await bench.say("/start")
    first, second = bench.events
    assert (first["type"], first["chattrail.start.returning"], first["event.sequence"]) == ("start_command", True, 1)
    assert (second["type"], second["event.sequence"]) == ("bot_message", 2)
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
    assert bench.types == ["user_message", "bot_message"]


async def test_polling_asks_for_what_is_recorded_and_for_nothing_else(bench: Bench) -> None:
    asked = set(bench.dispatcher.resolve_used_update_types())
    assert {"my_chat_member", "edited_message", "message_reaction", "poll_answer"} <= asked
    assert asked == {name for name, rule in UPDATES.items() if rule.read is not None} & set(Update.model_fields)


async def test_an_edit_a_reaction_and_a_vote_by_a_person(bench: Bench) -> None:
    await bench.feed(edited_message=message(text="better", edit_date=1_790_000_060))
    reaction = {"chat": HOME, "message_id": 7, "user": ANN, "date": 1_790_000_000, "old_reaction": []}
    await bench.feed(message_reaction=reaction | {"new_reaction": [{"type": "emoji", "emoji": "🔥"}]})
    await bench.feed(poll_answer={"poll_id": "1", "user": ANN, "option_ids": [0], "option_persistent_ids": ["a"]})
    assert [(event["type"], event["user.id"]) for event in bench.events] == [
        ("message_edited", "1001"), ("reaction", "1001"), ("poll", "1001")
    ]  # fmt: skip
    assert bench.events[0]["at"] == 1_790_000_060 * 10**9
