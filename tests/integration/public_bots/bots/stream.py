"""Answers as a language model does: a placeholder at once, then edits with more and more of the answer; or as a draft."""

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, CommandObject
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
)

from chattrail import Tracker

AGAIN = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="🔁 Again", callback_data="again")]])
ANSWER = "The fox is **quick** and brown, and jumps over the dog."


async def stream(message: Message) -> None:
    """Edit a message until it says the whole answer."""
    answer = await message.answer("…")
    words = ANSWER.replace("**", "").split()
    for count in range(2, len(words) + 1, 2):
        await answer.edit_text(" ".join(words[:count]))
    await answer.edit_text(ANSWER.replace("**quick**", "<b>quick</b>"), parse_mode="HTML", reply_markup=AGAIN)


def make(image: bytes) -> list[Router]:
    router = Router(name="stream")

    @router.message(Command("imagine"))
    async def imagine(message: Message, command: CommandObject, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="painter-1"):
            await message.answer_photo(BufferedInputFile(image, "fox.png"), caption=f"Here is {command.args}")

    @router.message(Command("draft"))
    async def draft(message: Message, bot: Bot, chattrail_tracker: Tracker) -> None:
        words = ANSWER.replace("**", "").split()
        for count in range(2, len(words), 2):
            await bot.send_message_draft(message.chat.id, 7, text=" ".join(words[:count]))
        with chattrail_tracker.details(request_model="talker-1", input_tokens=12, output_tokens=14):
            await message.answer(" ".join(words))

    @router.message(Command("picture"))
    async def picture(message: Message) -> None:
        sent = await message.answer_photo(BufferedInputFile(image, "a.png"), caption="first")
        await sent.edit_caption(caption="second")
        await sent.edit_media(InputMediaPhoto(media=BufferedInputFile(image[:-1] + b"!", "b.jpg"), caption="third"))

    @router.message(F.text)
    async def talk(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="talker-1"):
            await stream(message)

    @router.callback_query(F.data == "again")
    async def again(query: CallbackQuery, chattrail_tracker: Tracker) -> None:
        await query.answer("One moment")
        if isinstance(query.message, Message):
            with chattrail_tracker.details(request_model="talker-1"):
                await stream(query.message)
            try:
                await query.message.edit_reply_markup(reply_markup=AGAIN)
            except TelegramBadRequest:  # it is there already
                await query.message.delete()

    return [router]
