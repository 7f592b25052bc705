"""Updates that are no plain messages: which event each kind is, and whose."""

from typing import Any
from uuid import UUID

import pytest

from tests.unit.chattrail.botapi.conftest import ANN, GROUP, HOME, Desk, objects

OWNER = {"id": 5005, "is_bot": False, "first_name": "Owner"}
CUSTOMER = {"business_connection_id": "bc", "chat": HOME}


def emoji(*found: str) -> list[dict[str, str]]:
    return [{"type": "emoji", "emoji": one} for one in found]


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [
        ("message_reaction", {"chat": HOME, "message_id": 9, "user": ANN, "date": 1_790_000_000, "old_reaction": [],
                              "new_reaction": [*emoji("👍"), {"type": "custom_emoji", "custom_emoji_id": "5"}]},
         ("reaction", "1001", {"reaction.emoji": "👍 custom:5", "side": "person", "message.id": 9})),
        ("message_reaction", {"chat": HOME, "message_id": 9, "user": ANN, "old_reaction": emoji("👍"), "new_reaction": []},
         ("reaction", "1001", {"reaction.emoji": ""})),
        ("chat_join_request", {"chat": GROUP, "from": ANN, "user_chat_id": 1001, "date": 1_790_000_000},
         ("chat_action", "1001", {"chat.action": "join_requested", "chat.id": -100})),
        ("chat_boost", {"chat": GROUP, "boost": {"source": {"source": "premium", "user": ANN}}},
         ("chat_action", "1001", {"chat.action": "boosted"})),
        ("removed_chat_boost", {"chat": GROUP, "source": {"user": ANN}}, ("chat_action", "1001", {"chat.action": "boost_removed"})),
        ("stopped_message_generation", {"chat": HOME, "draft_id": 1},
         ("chat_action", "1001", {"chat.action": "generation_stopped"})),
        ("business_connection", {"id": "bc", "user": OWNER, "user_chat_id": 5005, "is_enabled": True},
         ("chat_action", "5005", {"chat.action": "business_connected"})),
        ("subscription", {"user": ANN, "invoice_payload": "month", "state": "canceled"},
         ("premium_action", "1001", {"premium.action": "cancelled", "premium.plan": "month"})),
        ("subscription", {"user": ANN, "invoice_payload": "month", "state": "active"},
         ("premium_action", "1001", {"premium.action": "resumed"})),
        ("subscription", {"user": ANN, "invoice_payload": "month", "state": "failed"},
         ("premium_action", "1001", {"premium.action": "expired", "premium.reason": "the payment failed"})),
        ("purchased_paid_media", {"from": ANN, "paid_media_payload": "p"},
         ("premium_action", "1001", {"premium.action": "paid", "premium.plan": "p", "premium.amount": None})),
        ("guest_message", {"message_id": 3, "date": 1_790_000_000, "chat": GROUP, "from": ANN, "text": "hey",
                           "guest_query_id": "q"}, ("user_message", "1001", {"message.text": "hey", "chat.id": -100})),
        ("edited_message", {"message_id": 3, "date": 1_790_000_000, "edit_date": 1_790_000_060, "chat": HOME, "from": ANN,
                            "text": "better"}, ("message_edited", "1001", {"message.text": "better", "side": "person",
                                                                          "edit.count": 1, "at": 1_790_000_060 * 10**9})),
        ("edited_business_message", {"message_id": 3, "edit_date": 1_790_000_060, **CUSTOMER, "from": OWNER, "text": "x"},
         ("message_edited", "1001", {"message.text": "x", "side": "bot"})),
        ("business_message", {"message_id": 3, "date": 1_790_000_000, **CUSTOMER, "from": ANN, "text": "/start"},
         ("user_message", "1001", {"message.text": "/start", "business_connection.id": "bc"})),
        ("business_message", {"message_id": 3, "date": 1_790_000_000, **CUSTOMER, "from": OWNER, "text": "hello"},
         ("bot_message", "1001", {"message.text": "hello"})),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [dict, objects])
def test_an_update(
    desk: Desk, kind: str, found: dict[str, Any], expected: tuple[str, str, dict[str, Any]], form: Any
) -> None:
    desk.receive(kind, form(found))
    (event,) = desk.events
    of_type, whose, fields = expected
    assert (event["type"], event["user.id"]) == (of_type, whose)
    for name, value in fields.items():
        assert next((event[p + name] for p in ("chattrail.", "telegram.", "") if p + name in event), None) == value, (
            name
        )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("message_reaction", {"chat": GROUP, "message_id": 9, "actor_chat": GROUP, "new_reaction": emoji("👍")}),
        ("message_reaction_count", {"chat": GROUP, "message_id": 9, "reactions": []}),
        ("chat_boost", {"chat": GROUP, "boost": {"source": {"source": "giveaway"}}}),
        (
            "edited_message",
            {"message_id": 3, "chat": HOME, "from": ANN, "location": {"latitude": 1.0, "longitude": 2.0}},
        ),
        (
            "business_message",
            {"message_id": 3, **CUSTOMER, "from": OWNER, "text": "x", "sender_business_bot": {"id": 42}},
        ),
        ("of_next_year", {"from": ANN}),
    ],
)
def test_what_is_nobodys_act(desk: Desk, kind: str, found: dict[str, Any]) -> None:
    desk.receive(kind, found)
    assert desk.events == []


def test_what_the_owner_types_and_what_the_bot_answers_is_in_the_persons_trail(desk: Desk) -> None:
    with desk.update("business_message", desk.message(text="hello", business_connection_id="bc", **{"from": OWNER})):
        desk.call(
            "sendMessage", desk.message(text="and I", business_connection_id="bc", **{"from": OWNER}), chat_id=1001
        )
    assert desk.said("user.id", "text", "business_connection.id") == [
        ("bot_message", "1001", "hello", "bc"), ("bot_message", "1001", "and I", "bc")
    ]  # fmt: skip


def test_what_is_done_to_the_owners_message_is_the_persons_too(desk: Desk) -> None:
    typed = desk.message(text="hello", business_connection_id="bc", **{"from": OWNER})
    own = desk.message(text="the bot's own chat with Ann", **{"from": ANN}) | {"message_id": typed["message_id"]}
    desk.receive("business_message", typed)
    desk.receive("message", own)
    at = {"chat_id": 1001, "message_id": typed["message_id"]}
    desk.call("editMessageText", business_connection_id="bc", text="hello!", **at)
    desk.call("copyMessage", {"message_id": 900}, chat_id=1001, from_chat_id=1001, message_id=typed["message_id"])
    assert desk.said("user.id", "text", "business_connection.id")[2:] == [
        ("bot_message", "1001", "the bot's own chat with Ann", None), ("message_edited", "1001", "hello!", "bc")
    ]  # fmt: skip


def test_a_press_by_the_owner_is_in_no_trail_and_its_answer_in_the_persons(desk: Desk) -> None:
    shown = desk.message(text="Menu", business_connection_id="bc")
    with desk.update("callback_query", {"id": "q", "from": OWNER, "data": "d", "message": shown}):
        desk.call("answerCallbackQuery", callback_query_id="q", text="Done", show_alert=True)
        desk.call("sendMessage", desk.message(text="hello", business_connection_id="bc"), chat_id=1001)
    with desk.update("callback_query", {"id": "q", "from": ANN, "data": "d", "message": shown}):
        pass
    assert desk.said("user.id", "text") == [("bot_message", "1001", "hello"), ("user_message", "1001", "d")]


def test_a_refund_in_a_group_is_theirs_who_paid(desk: Desk) -> None:
    paid = {"currency": "XTR", "total_amount": 100, "invoice_payload": "x", "telegram_payment_charge_id": "c"}
    by_bot = {"id": 42, "is_bot": True, "first_name": "b"}
    desk.receive("message", desk.message(successful_payment=paid, chat=GROUP, **{"from": ANN}))
    with desk.update("message", desk.message(refunded_payment=paid, chat=GROUP, **{"from": by_bot})):
        desk.call("sendMessage", desk.message(text="It is back", chat=GROUP), chat_id=-100)
    unknown = paid | {"telegram_payment_charge_id": "of another process"}
    desk.receive("message", desk.message(refunded_payment=unknown, chat=GROUP, **{"from": by_bot}))
    assert desk.said("user.id", "premium.action", "chat.id") == [
        ("premium_action", "1001", "paid", -100), ("premium_action", "1001", "refunded", -100), ("bot_message", "1001", None, -100)
    ]  # fmt: skip


def test_deleted_business_messages_are_one_event_each_however_often_they_are_delivered(desk: Desk) -> None:
    for _ in range(2):
        desk.receive("deleted_business_messages", CUSTOMER | {"message_ids": [7, 8]})
        desk.update_id -= 1
    assert desk.said("user.id", "message.id", "business_connection.id") == [
        ("message_deleted", "1001", number, "bc") for number in (7, 8, 7, 8)
    ]  # fmt: skip
    ids = [event["event.id"] for event in desk.events]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2
    assert UUID(ids[0]).version == 8, "there is no date in it"


def test_votes_say_what_was_chosen(desk: Desk) -> None:
    quiz = {
        "id": "77",
        "type": "quiz",
        "question": "2+2?",
        "options": [{"text": t} for t in ("3", "4")],
        "correct_option_id": 1,
    }
    sent = desk.message(poll=quiz, chat=GROUP)
    desk.call("sendPoll", sent, chat_id=-100)
    for poll, chosen in (("77", [1]), ("77", [0]), ("77", []), ("elsewhere", [0, 2])):
        desk.receive("poll_answer", {"poll_id": poll, "user": ANN, "option_ids": chosen})
    number = sent["message_id"]
    assert desk.said("poll.action", "poll.options", "text", "poll.correct", "message.id")[1:] == [
        ("poll", "voted", "1", "4", True, number), ("poll", "voted", "0", "3", False, number),
        ("poll", "retracted", None, None, None, number), ("poll", "voted", "0 2", None, None, None),
    ]  # fmt: skip


def test_subscriptions_first_and_renewal(desk: Desk) -> None:
    paid = {"currency": "XTR", "total_amount": 100, "invoice_payload": "month", "telegram_payment_charge_id": "c"}
    until = {"subscription_expiration_date": 1_792_592_000, "is_recurring": True}
    for extra in ({}, until | {"is_first_recurring": True}, until):
        desk.receive("message", desk.message(successful_payment=paid | extra, **{"from": ANN}))
    assert desk.said("premium.action", "premium.subscription", "premium.until") == [
        ("premium_action", "paid", None, None), ("premium_action", "paid", "first", 1_792_592_000),
        ("premium_action", "paid", "renewal", 1_792_592_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "units", "amount"),
    [("XTR", 250, 250.0), ("USD", 145, 1.45), ("JPY", 500, 500.0), ("JOD", 1500, 1.5), ("KWD", 1500, 1.5), ("CLP", 990, 990.0),
     ("VND", 20_000, 20_000.0), ("BHD", 1, 0.001), ("MMK", 100, 1.0)],
)  # fmt: skip
def test_money_in_units_and_in_the_smallest_ones(desk: Desk, currency: str, units: int, amount: float) -> None:
    paid = {"currency": currency, "total_amount": units, "invoice_payload": "x", "telegram_payment_charge_id": "c"}
    desk.receive("message", desk.message(successful_payment=paid, **{"from": ANN}))
    assert desk.said("premium.amount", "premium.currency", "premium.minor_units") == [
        ("premium_action", amount, currency, units)
    ]


def test_a_press_whose_data_is_an_object_of_the_program(desk: Desk) -> None:
    """python-telegram-bot's arbitrary_callback_data: the button is found by it, or has been forgotten."""
    known, forgotten = ("vote", 7), object()
    keyboard = {"inline_keyboard": [[{"text": "Vote", "callback_data": known}]]}
    for data in (known, forgotten):
        found = {"id": "1", "from": ANN, "data": data, "message": desk.message(text="?", reply_markup=keyboard)}
        desk.receive("callback_query", found)
    assert desk.said("kind", "text", "length") == [
        ("user_message", "button", "Vote", 4), ("user_message", "button", None, None)
    ]  # fmt: skip
