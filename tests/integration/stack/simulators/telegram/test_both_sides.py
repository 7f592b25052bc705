"""What both sides send besides texts, photos and files, change, and take back, and the record of it."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import (
    BufferedInputFile,
    InlineQueryResultArticle,
    InputMediaDocument,
    InputMediaPhoto,
    InputPaidMediaPhoto,
    InputRichMessage,
    InputTextMessageContent,
    KeyboardButton,
    LabeledPrice,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyParameters,
    WebAppInfo,
)

from stack.simulators.telegram.record import Entry
from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import keyboard, photo, png, updates

ALL = ["message_reaction", "message_reaction_count"]


def told(record: Any) -> list[tuple[str, str, str]]:
    return [(entry.side, entry.kind, entry.text) for entry in record]


async def newest(bot: Bot, **parameters: Any) -> Any:
    """The newest update, by its kind."""
    (update,) = await updates(bot, offset=-1, **parameters)
    return update


async def test_the_record_has_both_sides_with_edits_and_deletions(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "…")
    await bot.edit_message_text("the answer", chat_id=1001, message_id=sent.message_id)
    await bot.edit_message_reply_markup(chat_id=1001, message_id=sent.message_id, reply_markup=keyboard(("More", "m")))
    query = await ann.press("More")
    await bot.answer_callback_query(query, "No more", show_alert=True)
    own = await ann.send("a typo", reply_to=sent.message_id)
    await ann.edit(own, "no typo")
    await bot.delete_message(1001, sent.message_id)
    assert told(ann.record) == [
        ("person", "text", "hello"),
        ("bot", "text", "the answer"),
        ("person", "button", "More"),
        ("bot", "alert", "No more"),
        ("person", "text", "no typo"),
    ]
    hello, answer, _, _, corrected = ann.record
    assert (answer.earlier, answer.deleted, hello.deleted) == (["…"], True, False)
    assert (corrected.earlier, corrected.reply_to) == (["a typo"], sent.message_id)
    edited = (await newest(bot)).edited_message
    assert (edited.message_id, edited.text, edited.edit_date is not None) == (own, "no typo", True)
    for _ in range(200):
        await ann.send("filler")
    assert len(ann.history) < len(ann.record) == 205


async def test_albums_of_both_sides_have_one_id(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await ann.send_album([png(colour="red"), png(colour="blue")], "two")
    first, second = [update.message for update in (await updates(bot))[-2:]]
    assert first.media_group_id == second.media_group_id is not None
    assert (first.caption, second.caption) == ("two", None)
    bo = telegram.person(1002, name="Bo")
    await bo.send("hi")
    copied = await bot.copy_messages(1002, 1001, [first.message_id, second.message_id, 999])
    assert len(copied) == 2
    assert len({entry.album for entry in bo.record[-2:]}) == 1
    assert bo.record[-1].album not in {None, first.media_group_id}
    assert len(await bot.forward_messages(1002, 1001, [first.message_id])) == 1
    with pytest.raises(TelegramBadRequest, match="there are no messages to copy"):
        await bot.copy_messages(1002, 1001, [999])
    mixed: list[Any] = [InputMediaPhoto(media=photo()), InputMediaDocument(media=BufferedInputFile(b"x", "x.txt"))]
    with pytest.raises(TelegramBadRequest, match="can't use the media of the specified type in the album"):
        await bot.send_media_group(1001, mixed)


async def test_everything_a_person_can_send(bot: Bot, ann: Any) -> None:
    await ann.send_file("video", b"video", "a video")
    await ann.send_file("animation", b"gif")
    await ann.send_file("video_note", b"round")
    await ann.send_file("audio", b"music", title="Song")
    await ann.send_dice(value=6)
    await ann.send_contact("+49", "Bo")
    await ann.send_venue(52.5, 13.4, "Gate", "Square 1")
    await ann.send_location(1.5, 2.5)
    await ann.send_poll("Tea?", ["yes", "no"])
    sent = [update.message for update in (await updates(bot))[1:]]
    assert [message.content_type for message in sent] == [
        "video", "animation", "video_note", "audio", "dice", "contact", "venue", "location", "poll",
    ]  # fmt: skip
    assert sent[1].document
    assert (sent[4].dice.value, sent[6].venue.title, sent[6].location.latitude) == (6, "Gate", 52.5)
    assert [entry.kind for entry in ann.record[1:]] == [message.content_type for message in sent]


async def test_everything_a_bot_can_send(bot: Bot, ann: Any) -> None:
    dice = await bot.send_dice(1001, emoji="🏀")
    assert dice.dice
    assert 1 <= dice.dice.value <= 5
    assert (await bot.send_contact(1001, "+1", "Bo")).contact
    assert (await bot.send_location(1001, 1.0, 2.0)).location
    venue = await bot.send_venue(1001, 1.0, 2.0, "Gate", "Square 1")
    assert venue.venue
    assert venue.location
    paid = await bot.send_paid_media(1001, 5, [InputPaidMediaPhoto(media=photo())], payload="p1", caption="look")
    assert paid.paid_media
    await ann.buy_media(paid.message_id)
    bought = (await newest(bot)).purchased_paid_media
    assert (bought.from_user.id, bought.paid_media_payload) == (1001, "p1")
    assert await bot.send_gift((await bot.get_available_gifts()).gifts[0].id, user_id=1001, text="for you")
    rich = await bot.send_rich_message(1001, InputRichMessage(html="<h1>Title</h1><p>First <b>bold</b></p>"))
    assert rich.rich_message
    live = await bot.send_live_photo(1001, live_photo=BufferedInputFile(b"mov", "a.mov"), photo=photo())
    assert live.live_photo
    assert live.photo
    assert [entry.kind for entry in ann.record[1:]] == [
        "dice", "contact", "location", "venue", "paid_media", "gift", "rich_message", "live_photo",
    ]  # fmt: skip
    assert [ann.record[-3].text, ann.record[-2].text] == ["for you", "Title\nFirst bold"]
    for refused, match in (
        (bot.send_dice(1001, emoji="x"), "DICE_EMOJI_INVALID"),
        (bot.send_gift("1", user_id=1001), "STARGIFT_INVALID"),
        (bot.send_paid_media(1001, 0, [InputPaidMediaPhoto(media=photo())]), "EXTENDED_MEDIA_AMOUNT_INVALID"),
        (bot.copy_message(1001, 1001, paid.message_id), "message can't be copied"),
        (bot.forward_message(1001, 1001, 999), "message to forward not found"),
    ):
        with pytest.raises(TelegramBadRequest, match=match):
            await refused


async def test_polls_are_voted_in_and_stopped(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    poll = await bot.send_poll(1001, "Tea?", ["yes", "no"], is_anonymous=False)
    await ann.vote(poll.message_id, 1)
    answer, changed = (await updates(bot))[-2:]
    assert (answer.poll_answer.option_ids, answer.poll_answer.user.id) == ([1], 1001)
    assert [option.voter_count for option in changed.poll.options] == [0, 1]
    await ann.vote(poll.message_id)
    assert (await updates(bot))[-2].poll_answer.option_ids == []
    stopped = await bot.stop_poll(1001, poll.message_id)
    assert stopped.is_closed
    with pytest.raises(TelegramBadRequest, match="poll has already been closed"):
        await bot.stop_poll(1001, poll.message_id)
    with pytest.raises(TelegramBadRequest, match="message with poll to stop not found"):
        await bot.stop_poll(1001, 999)
    quiz = await bot.send_poll(1001, "2+2?", ["3", "4"], type="quiz", correct_option_id=1)
    await ann.vote(quiz.message_id, 0)
    assert (await newest(bot)).poll.correct_option_id == 1  # anonymous: sums only
    with pytest.raises(ValueError, match="final"):
        await ann.vote(quiz.message_id, 1)
    assert ann.record[-1].votes == {1001: (0,)}
    for kind, match in (("odd", "unsupported poll type"), ("quiz", "wrong correct option ID")):
        with pytest.raises(TelegramBadRequest, match=match):
            await bot.send_poll(1001, "?", ["a", "b"], type=kind)


async def test_reactions_are_told_only_to_a_bot_that_asked(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "a joke")
    await ann.react(sent.message_id, "🔥")
    assert all(update.message_reaction is None for update in await updates(bot, allowed_updates=ALL))
    await ann.react(sent.message_id, "👍", "custom:5")
    changed = (await newest(bot, allowed_updates=ALL)).message_reaction
    assert [one.emoji for one in changed.old_reaction] == ["🔥"]
    assert len(changed.new_reaction) == 2
    assert await bot.set_message_reaction(1001, sent.message_id, [ReactionTypeEmoji(emoji="🎉")])
    assert ann.reactions(sent.message_id) == {1001: "👍 custom:5", 42: "🎉"}
    await bot.set_message_reaction(1001, sent.message_id)
    await ann.react(sent.message_id)
    assert ann.reactions(sent.message_id) == {}
    assert ann.record[-1].reactions == {}
    with pytest.raises(TelegramBadRequest, match="REACTION_INVALID"):
        await bot.set_message_reaction(1001, sent.message_id, [ReactionTypeEmoji(emoji="x")])


async def test_an_answer_is_streamed_as_a_draft(bot: Bot, ann: Any) -> None:
    assert await bot.send_message_draft(1001, 7, text="Once", can_stop=True)
    assert await bot.send_message_draft(1001, 7, text="Once upon", can_stop=True)
    assert ann.drafts == {7: "Once upon"}
    await ann.stop_generation(7)
    assert (await newest(bot)).stopped_message_generation.draft_id == 7
    assert await bot.send_rich_message_draft(1001, 8, InputRichMessage(markdown="# A"))
    await bot.send_message(1001, "Once upon a time")
    assert ann.drafts == {}
    assert told(ann.record[1:]) == [("bot", "text", "Once upon a time")]


async def test_inline_messages_are_edited_by_their_id(bot: Bot, ann: Any) -> None:
    query = await ann.ask_inline("cats")
    content = InputTextMessageContent(message_text="A cat")
    result = InlineQueryResultArticle(
        id="1", title="Cat", input_message_content=content, reply_markup=keyboard(("A", "a"))
    )
    assert await bot.answer_inline_query(query, [result])
    assert len(await ann.results(query)) == 1
    inline_id = await ann.choose(query, "1", "cats")
    assert (await newest(bot)).chosen_inline_result.inline_message_id == inline_id
    assert await bot.edit_message_text("Two cats", inline_message_id=inline_id) is True
    assert ann.inline_text(inline_id) == "Two cats"
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("Two cats", inline_message_id=inline_id)
    with pytest.raises(TelegramBadRequest, match="MESSAGE_ID_INVALID"):
        await bot.edit_message_text("x", inline_message_id="nothing")
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_inline_query(query, [])


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
