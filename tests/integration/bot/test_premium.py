"""Premium by Telegram Stars: offer, invoice, pre-checkout, payment, the same payment twice, refund, expiry."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram.types import LabeledPrice

from stack.simulators.telegram.person import PaymentError
from tests.support.bot_support import RunningBot, begin_story, has_button, running_bot, says

ADMIN = 5000


@pytest.fixture
async def bot() -> AsyncIterator[RunningBot]:
    async with running_bot(admin_ids=str(ADMIN), free_pictures="1", free_messages="2") as running:
        yield running


async def actions(bot: RunningBot) -> list[tuple[str, str | None, float | None]]:
    return [
        (
            found["chattrail.premium.action"],
            found.get("chattrail.premium.plan"),
            found.get("chattrail.premium.amount"),
        )
        for found in await bot.attributes("premium_action")
    ]


async def test_a_payment_brings_premium_at_once_and_once(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.press("picture:new")
    await ann.wait(lambda message: message.photo)
    await ann.send("/premium")
    await ann.wait(has_button("premium:month"))
    await ann.press("premium:month")
    invoice = await ann.wait(lambda message: message.invoice)
    assert invoice.invoice is not None
    assert (invoice.invoice.currency, invoice.invoice.total_amount) == ("XTR", 300)
    charge = await ann.pay()
    await ann.wait(says("Premium is yours until December 22, 2026"))
    assert await actions(bot) == [("offered", None, None), ("invoice_sent", "month", 300), ("paid", "month", 300)]
    assert (await bot.attributes("premium_action"))[-1]["chattrail.premium.charge_id"] == charge
    await ann.press("picture:again")  # beyond the free one
    await ann.wait(lambda message: message.photo)


async def test_a_payment_told_twice_counts_once(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/premium")
    await ann.wait(has_button("premium:week"))
    await ann.press("premium:week")
    await ann.wait(lambda message: message.invoice)
    await ann.pay()
    await ann.wait(says("Premium is yours until November 29"))
    paid = next(message for message in ann.history if message.successful_payment)
    again = paid.model_dump(mode="json", exclude_none=True, by_alias=True)
    again["from"] = again.pop("from_user", None) or again["from"]
    again["date"] = int(paid.date.timestamp())
    before = len(ann.history)
    await bot.app.dispatcher.feed_raw_update(bot.app.bot, {"update_id": 900_000_000, "message": again})
    assert len(ann.history) == before
    await ann.send("/premium")
    await ann.wait(says("runs until November 29"))


async def test_an_order_at_an_old_price_is_refused(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/start")
    await ann.wait()
    await bot.app.bot.send_invoice(
        ann.id, "Old", "Old price", payload="month", currency="XTR", prices=[LabeledPrice(label="Old", amount=1)]
    )
    with pytest.raises(PaymentError, match="no longer valid"):
        await ann.pay()


async def test_a_refund_by_the_admin_ends_premium(bot: RunningBot) -> None:
    ann, admin = bot.telegram.person(1001), bot.telegram.person(ADMIN, name="Root")
    await ann.send("/premium")
    await ann.wait(has_button("premium:week"))
    await ann.press("premium:week")
    await ann.wait(lambda message: message.invoice)
    charge = await ann.pay()
    await ann.wait(says("Premium is yours"))

    await admin.send("/refund")
    await admin.wait(says("Usage: /refund"))
    await admin.send(f"/refund {ann.id} unknown")
    await admin.wait(says("Telegram refused the refund: Bad Request: CHARGE_NOT_FOUND"))
    await admin.send(f"/refund {ann.id} {charge}")
    await admin.wait(says("Refunded"))
    await ann.wait(says("100 Stars have been returned"))
    await admin.send(f"/refund {ann.id} {charge}")
    await admin.wait(says("CHARGE_ALREADY_REFUNDED"))
    assert [found[0] for found in await actions(bot)] == ["offered", "invoice_sent", "paid", "refunded"]
    mine = [found.attributes.get("chattrail.message.text") for found in await bot.events("bot_message", ann)]
    assert mine[-1] == "Your 100 Stars have been returned, and that Premium has ended."
    assert {found.attributes["user.id"] for found in await bot.events()} == {str(ann.id)}, (
        "owners are no users of their bot"
    )
    await ann.send("/premium")
    plans = await ann.wait(has_button("premium:week"))
    assert "runs until" not in (plans.text or "")


async def test_a_refund_speaks_the_persons_language(bot: RunningBot) -> None:
    eva = bot.telegram.person(1002, name="Ева", language_code="ru")
    await eva.send("/premium")
    await eva.wait(has_button("premium:week"))
    await eva.press("premium:week")
    await eva.wait(lambda message: message.invoice)
    charge = await eva.pay()
    await eva.wait(lambda message: message.text)
    await bot.app.bot.refund_star_payment(eva.id, charge)
    assert "100" in ((await eva.wait(says("звёзд"))).text or "")


async def test_premium_ends_and_the_person_is_told_once(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/premium")
    await ann.wait(has_button("premium:week"))
    await ann.press("premium:week")
    await ann.wait(lambda message: message.invoice)
    await ann.pay()
    await ann.wait(says("Premium is yours"))
    await begin_story(ann)
    await bot.time_passes(days=8)
    await ann.send("Still here?")
    await ann.wait(says("Your Premium has ended"))
    assert (await actions(bot))[-1] == ("expired", "week", None)
    await ann.send("And now?")
    await ann.wait(says("You have sent 2 messages today"))  # offered again, as to anybody
    assert (await actions(bot))[-1] == ("offered", None, None)
    assert [found[0] for found in await actions(bot)].count("expired") == 1


async def test_what_was_paid_for_outlives_the_bot(tmp_path: Path) -> None:
    ledger = tmp_path / "premium.jsonl"
    async with running_bot(premium_path=str(ledger)) as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/premium")
        await ann.wait(has_button("premium:year"))
        await ann.press("premium:year")
        await ann.wait(lambda message: message.invoice)
        await ann.pay()
        await ann.wait(says("Premium is yours"))
    with ledger.open("a") as file:
        file.write('{"kind": "paid", "person": 1001, "cut short')  # by a crash
    async with running_bot(premium_path=str(ledger)) as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/premium")
        await ann.wait(says("runs until November 22, 2027"))
