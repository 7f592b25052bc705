"""Whose an update is, when its sender is no person: a refund, a service account, another bot."""

from typing import Any

import pytest
from aiogram.types import Message

from tests.unit.chattrail.aiogram.bench import ANN, CHANNEL, GROUP, Bench, message

BOT = {"id": 42, "is_bot": True, "first_name": "b"}
PAYMENT = {"currency": "XTR", "total_amount": 250, "invoice_payload": "month", "telegram_payment_charge_id": "c1"}


async def answer(message: Message) -> None:
    await message.answer("noted")


async def test_a_refund_comes_from_the_bot_and_is_the_persons(bench: Bench) -> None:
    bench.on_message(answer)
    await bench.feed(message=message(refunded_payment=PAYMENT, **{"from": BOT}))
    refund, reply = bench.events
    assert (refund["chattrail.premium.action"], refund["chattrail.premium.charge_id"]) == ("refunded", "c1")
    assert [event["user.id"] for event in (refund, reply)] == ["1001", "1001"]
    assert (refund["telegram.user.username"], reply["session.id"]) == ("ann", refund["session.id"])


@pytest.mark.parametrize(
    "sender",
    [
        {"from": {"id": 777000, "is_bot": False, "first_name": "Telegram"}, "is_automatic_forward": True},
        {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}},
        {"from": {"id": 136817688, "is_bot": True, "first_name": "Channel"}},
        {"from": {"id": 43, "is_bot": True, "first_name": "Another bot"}},
    ],
)
@pytest.mark.parametrize("text", ["news", "/help"])
async def test_what_no_person_sends_is_in_no_trail(bench: Bench, sender: dict[str, Any], text: str) -> None:
    bench.on_message(answer)
    await bench.feed(message=message(text=text, chat=GROUP, sender_chat=CHANNEL, **sender))
    assert [event for event in bench.events if "user.id" in event] == []


async def test_another_bot_that_writes_in_private_is_no_person(bench: Bench) -> None:
    await bench.say("hi", **{"from": {**ANN, "is_bot": True}})
    assert bench.types == []
