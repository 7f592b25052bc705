"""Texts, buttons and edits, and the wording of every refusal."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
)
from aiogram.types import (
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    Message,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyParameters,
)

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import keyboard, labels, photo, updates


async def test_a_sent_message_comes_back_and_reaches_the_person(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(
        1001, "<b>Hi</b> 😀 <i>you</i> &amp; me", parse_mode="HTML", reply_markup=keyboard(("A", "a"))
    )
    assert sent.text == "Hi 😀 you & me"
    assert [(e.type, e.offset, e.length) for e in sent.entities or []] == [("bold", 0, 2), ("italic", 6, 3)]
    assert labels(sent) == [("A", "a")]
    assert sent.from_user is not None
    assert sent.from_user.id == 42
    assert (await ann.wait(lambda m: m.text)).message_id == sent.message_id
    assert [message.text for message in ann.history] == ["hello", "Hi 😀 you & me"]


async def test_replies_entities_and_keyboards_that_are_not_echoed(bot: Bot, ann: Any) -> None:
    first = await bot.send_message(1001, "one", entities=[MessageEntity(type="bold", offset=0, length=3)])
    assert first.entities is not None
    reply = await bot.send_message(1001, "two", reply_parameters=ReplyParameters(message_id=first.message_id))
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.text == "one"
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(1001, "x", reply_parameters=ReplyParameters(message_id=99999))
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Menu")]])
    assert (await bot.send_message(1001, "three", reply_markup=keys)).reply_markup is None
    await ann.press("Menu")
    assert (await updates(bot))[-1].message.text == "Menu"
    assert (await bot.send_message(1001, "four", reply_markup=ForceReply())).reply_markup is None


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"chat_id": 5, "text": "x"}, "Bad Request: chat not found"),
        ({"text": " "}, "Bad Request: message text is empty"),
        ({"text": "x" * 4097}, "Bad Request: message is too long"),
        ({"text": "😀" * 2049}, "Bad Request: message is too long"),
        ({"text": "x", "parse_mode": "Word"}, "Bad Request: unsupported parse_mode"),
        (
            {"text": "<b>x", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"text": "é<x>1</x>", "parse_mode": "HTML"}, 'Unsupported start tag "x" at byte offset 2'),
        ({"text": "1</b>", "parse_mode": "HTML"}, "Unexpected end tag at byte offset 1"),
        (
            {"text": "<b><i>1</b></i>", "parse_mode": "HTML"},
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        ({"text": "1 < 2", "parse_mode": "HTML"}, 'Unsupported start tag "" at byte offset 2'),
        ({"text": "x", "reply_markup": keyboard(("A", "я" * 33))}, "BUTTON_DATA_INVALID"),
        (
            {"text": "x", "reply_markup": InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="A")]])},
            "Text buttons are unallowed in the inline keyboard",
        ),
    ],
)
async def test_a_bad_text_is_refused(bot: Bot, ann: Any, parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TelegramBadRequest) as refused:
        await bot.send_message(**{"chat_id": 1001, **parameters})
    assert complaint in refused.value.message


async def test_limits_are_exact(bot: Bot, ann: Any) -> None:
    assert await bot.send_message(1001, "x" * 4096)
    assert await bot.send_message(1001, "x", reply_markup=keyboard(("A", "я" * 32)))


async def test_who_blocked_the_bot_or_never_wrote_gets_nothing(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    telegram.person(1002, name="Silent")
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await bot.send_message(1002, "hi")
    await ann.block()
    with pytest.raises(TelegramForbiddenError, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(1001, "hi")
    with pytest.raises(RuntimeError, match="has blocked the bot"):
        await ann.send("hi")
    await ann.unblock()
    assert await bot.send_message(1001, "hi again")
    changes = [update.my_chat_member for update in await updates(bot) if update.my_chat_member]
    assert [(c.old_chat_member.status, c.new_chat_member.status) for c in changes] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]


async def test_chat_actions_and_deleting(bot: Bot, ann: Any) -> None:
    assert await bot.send_chat_action(1001, "upload_photo")
    assert ann.actions == ["upload_photo"]
    with pytest.raises(TelegramBadRequest, match="wrong parameter action"):
        await bot.send_chat_action(1001, "dance")
    sent = await bot.send_message(1001, "soon gone")
    assert await bot.delete_message(1001, sent.message_id)
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(1001, sent.message_id)
    assert [message.text for message in ann.history] == ["hello"]


async def test_edits_change_the_message_in_place(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "draft", reply_markup=keyboard(("A", "a")))
    edited = await bot.edit_message_text("final", chat_id=1001, message_id=sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("final", None)
    assert edited.edit_date
    assert (await ann.wait(lambda m: m.text == "final")).message_id == sent.message_id
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("final", chat_id=1001, message_id=sent.message_id)
    marked = await bot.edit_message_reply_markup(
        chat_id=1001, message_id=sent.message_id, reply_markup=keyboard(("B", "b"))
    )
    assert isinstance(marked, Message)
    assert (marked.text, labels(marked)) == ("final", [("B", "b")])
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=1001, message_id=999)
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=1001, message_id=ann.history[0].message_id)
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(caption="x", chat_id=1001, message_id=sent.message_id)


async def test_photos_can_change_caption_and_image(bot: Bot, ann: Any) -> None:
    sent = await bot.send_photo(1001, photo(), caption="one")
    edited = await bot.edit_message_caption(caption="two", chat_id=1001, message_id=sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.caption, edited.photo) == ("two", sent.photo)
    media = InputMediaPhoto(media=photo(colour="red"), caption="three")
    other = await bot.edit_message_media(media, chat_id=1001, message_id=sent.message_id)
    assert isinstance(other, Message)
    assert sent.photo
    assert other.photo
    assert other.photo[-1].file_unique_id != sent.photo[-1].file_unique_id
    assert other.caption == "three"
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await bot.edit_message_text("x", chat_id=1001, message_id=sent.message_id)


async def test_a_press_is_answered_once(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "choose", reply_markup=keyboard(("Yes", "y"), ("No", "n")))
    assert [(button.text, button.data) for button in ann.buttons] == [("Yes", "y"), ("No", "n")]
    query_id = await ann.press("No")
    query = (await updates(bot))[-1].callback_query
    assert (query.id, query.data, query.message.message_id, query.from_user.id) == (
        query_id,
        "n",
        sent.message_id,
        1001,
    )
    assert await bot.answer_callback_query(query.id, text="Noted", show_alert=True)
    answer = await ann.answered(query_id)
    assert (answer.text, answer.show_alert) == ("Noted", True)
    with pytest.raises(
        TelegramBadRequest, match="query is too old and response timeout expired or query ID is invalid"
    ):
        await bot.answer_callback_query(query.id)
    with pytest.raises(LookupError, match="no button 'Maybe' in sight"):
        await ann.press("Maybe")
    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.answer_callback_query("1", text="x" * 201)
