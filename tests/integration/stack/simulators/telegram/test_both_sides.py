"""What both sides send besides texts, photos and files, change, and take back, and the record of it."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    InlineQueryResultArticle,
    InputMediaDocument,
    InputMediaPhoto,
    InputPaidMediaPhoto,
    InputRichMessage,
    InputTextMessageContent,
    ReactionTypeEmoji,
)

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import keyboard, newest, photo, png, told, updates

ALL = ["message_reaction", "message_reaction_count"]


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
