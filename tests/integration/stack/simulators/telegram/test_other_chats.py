"""Groups, business accounts, subscriptions, web apps, people who blocked the bot, and updates that come again."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import (
    InlineQueryResultArticle,
    InputTextMessageContent,
    KeyboardButton,
    LabeledPrice,
    ReplyKeyboardMarkup,
    ReplyParameters,
    WebAppInfo,
)

from stack.simulators.telegram.record import Entry
from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import newest, updates


async def test_a_group_has_topics_ephemeral_messages_requests_boosts_and_guests(
    bot: Bot, telegram: TelegramServer, ann: Any
) -> None:
    group = telegram.group(-100)
    topic = await bot.create_forum_topic(-100, "News")
    group.say(ann, "in the topic", thread=topic.message_thread_id)
    assert (await newest(bot)).message.message_thread_id == topic.message_thread_id
    sent = await bot.send_message(-100, "there", message_thread_id=topic.message_thread_id)
    assert sent.is_topic_message
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_message(-100, "nowhere", message_thread_id=99)
    group.say(ann, "/secret", seen_by_bot_only=True)
    asked = (await newest(bot)).message
    assert (asked.message_id, asked.receiver_user.id) == (0, 42)
    private = await bot.send_message(-100, "for Ann", receiver_user_id=1001)
    assert (private.message_id, private.receiver_user.id) == (0, 1001)  # type: ignore[union-attr]
    number = private.ephemeral_message_id
    assert number
    assert await bot.edit_ephemeral_message_text(-100, 1001, number, text="changed")
    assert await bot.delete_ephemeral_message(-100, 1001, number)
    with pytest.raises(TelegramBadRequest):
        await bot.delete_ephemeral_message(-100, 1001, number)
    await ann.ask_to_join(group, "I am nice")
    assert (await newest(bot)).chat_join_request.bio == "I am nice"
    assert await bot.approve_chat_join_request(-100, 1001)
    with pytest.raises(TelegramBadRequest, match="HIDE_REQUESTER_MISSING"):
        await bot.approve_chat_join_request(-100, 1001)
    boost = await ann.boost(group)
    assert (await newest(bot)).chat_boost.boost.boost_id == boost
    await ann.remove_boost(group, boost)
    assert (await newest(bot)).removed_chat_boost.boost_id == boost
    guest = telegram.group(-200).ask_guest(ann, "@bot what is this?")
    assert (await newest(bot)).guest_message.guest_query_id == guest
    content = InputTextMessageContent(message_text="A thing")
    answer = await bot.answer_guest_query(
        guest, InlineQueryResultArticle(id="1", title="T", input_message_content=content)
    )
    assert ann.inline_text(answer.inline_message_id) == "A thing"


async def test_a_business_account_answers_through_the_bot(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    account = telegram.business_account(telegram.person(2001, name="Shop"))
    assert (await newest(bot)).business_connection.id == account.id
    chat = account.chat_with(ann)
    asked = await chat.send("are you open?")
    message = (await newest(bot)).business_message
    assert (message.from_user.id, message.business_connection_id, message.chat.id) == (1001, account.id, 1001)
    sent = await bot.send_message(1001, "until six", business_connection_id=account.id)
    assert (sent.from_user.id, sent.sender_business_bot.id) == (2001, 42)  # type: ignore[union-attr]
    assert (await chat.wait()).text == "until six"
    assert len(ann.history) == 1  # her own chat with the bot is another one
    chat.owner_says("or seven")
    assert (await newest(bot)).business_message.from_user.id == 2001
    await chat.edit(asked, "are you open today?")
    assert (await newest(bot)).edited_business_message.text == "are you open today?"
    await bot.edit_message_text("until 6", chat_id=1001, message_id=sent.message_id, business_connection_id=account.id)
    chat.delete(asked)
    assert (await newest(bot)).deleted_business_messages.message_ids == [asked]
    account.disconnect()
    assert (await bot.get_business_connection(account.id)).is_enabled is False
    assert [(entry.sender, entry.text) for entry in chat.record] == [
        (1001, "are you open today?"), (2001, "until 6"), (2001, "or seven"),
    ]  # fmt: skip
    with pytest.raises(TelegramBadRequest, match="business connection not found"):
        await bot.send_message(1001, "x", business_connection_id="none")


async def test_subscriptions_and_other_currencies(bot: Bot, ann: Any) -> None:
    facts: dict[str, Any] = {"title": "T", "description": "D", "payload": "p"}
    with pytest.raises(TelegramBadRequest, match="SUBSCRIPTION_PERIOD_INVALID"):
        await bot.create_invoice_link(
            **facts, currency="XTR", prices=[LabeledPrice(label="a", amount=5)], subscription_period=5
        )
    with pytest.raises(TelegramBadRequest, match="PAYMENT_PROVIDER_INVALID"):
        await bot.send_invoice(1001, **facts, currency="EUR", prices=[LabeledPrice(label="a", amount=5)])
    prices = [LabeledPrice(label="a", amount=250), LabeledPrice(label="tax", amount=50)]
    sent = await bot.send_invoice(1001, **facts, currency="EUR", prices=prices, provider_token="1:TEST:2")
    assert sent.invoice
    assert (sent.invoice.currency, sent.invoice.total_amount) == ("EUR", 300)


async def test_a_web_app_sends_data_by_its_key(bot: Bot, ann: Any) -> None:
    key = KeyboardButton(text="Order", web_app=WebAppInfo(url="https://shop.example"))
    await bot.send_message(1001, "menu", reply_markup=ReplyKeyboardMarkup(keyboard=[[key]]))
    await ann.send_web_app_data("Order", '{"cups": 2}')
    data = (await newest(bot)).message.web_app_data
    assert (data.button_text, data.data) == ("Order", '{"cups": 2}')
    with pytest.raises(LookupError):
        await ann.send_web_app_data("Nothing", "{}")


@pytest.mark.parametrize("method", ["send_dice", "send_poll", "copy_message", "send_location", "send_message_draft"])
async def test_every_send_to_who_blocked_the_bot_is_403(bot: Bot, ann: Any, method: str) -> None:
    parameters: dict[str, dict[str, Any]] = {
        "send_poll": {"question": "?", "options": ["a", "b"]},
        "copy_message": {"from_chat_id": 1001, "message_id": 1},
        "send_location": {"latitude": 1, "longitude": 2},
        "send_message_draft": {"draft_id": 1, "text": "x"},
    }
    await ann.block()
    with pytest.raises(TelegramForbiddenError, match="Forbidden: bot was blocked by the user"):
        await getattr(bot, method)(chat_id=1001, **parameters.get(method, {}))


async def test_old_messages_stay_and_replies_need_their_message(bot: Bot, ann: Any) -> None:
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_dice(1001, reply_parameters=ReplyParameters(message_id=99))
    old: Entry = ann.record[0]
    ann.chat.messages[old.message_id]["date"] -= 49 * 3600
    with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
        await bot.delete_message(1001, old.message_id)


async def test_an_update_is_delivered_again_to_who_begins_to_poll(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    (first,) = await updates(bot)
    assert await updates(bot, offset=first.update_id + 1) == []
    telegram.deliver_again()
    (again,) = await updates(bot)
    assert again == first
