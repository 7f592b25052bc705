"""Sends what the public bots do not: polls, albums, gifts, paid media, drafts that can be stopped; and manages accounts."""

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import (
    BufferedInputFile,
    BusinessMessagesDeleted,
    InputChecklist,
    InputChecklistTask,
    InputMediaPhoto,
    InputPaidMediaPhoto,
    InputRichMessage,
    KeyboardButton,
    Message,
    MessageGenerationStopped,
    PaidMediaPurchased,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    WebAppInfo,
)


def make(image: bytes) -> list[Router]:
    router, business = Router(name="everything"), Router(name="business")

    @router.message(Command("poll"))
    async def poll(message: Message) -> None:
        await message.answer_poll("Tea?", ["yes", "no", "later"], is_anonymous=False, allows_multiple_answers=True)

    @router.message(Command("quiz"))
    async def quiz(message: Message, bot: Bot) -> None:
        sent = await message.answer_poll("2 + 2?", ["3", "4"], type="quiz", correct_option_id=1, is_anonymous=False)
        await message.answer("You have a second")
        await bot.stop_poll(message.chat.id, sent.message_id)

    @router.message(Command("gift"))
    async def gift(message: Message, bot: Bot) -> None:
        gifts = await bot.get_available_gifts()
        await bot.send_gift(gifts.gifts[0].id, user_id=message.chat.id, text="for you")

    @router.message(Command("paid"))
    async def paid(message: Message) -> None:
        photo = InputPaidMediaPhoto(media=BufferedInputFile(image, "a.png"))
        await message.answer_paid_media(5, [photo], payload="photo 1", caption="look")

    @router.purchased_paid_media()
    async def bought(purchase: PaidMediaPurchased, bot: Bot) -> None:
        await bot.send_message(purchase.from_user.id, "enjoy")

    @router.message(Command("rich"))
    async def rich(message: Message, bot: Bot) -> None:
        await bot.send_rich_message(message.chat.id, InputRichMessage(html="<h1>Title</h1><p>First <b>bold</b></p>"))

    @router.message(Command("draft"))
    async def draft(message: Message, bot: Bot) -> None:
        await bot.send_message_draft(message.chat.id, 3, text="Once upon", can_stop=True)

    @router.stopped_message_generation()
    async def stopped(stop: MessageGenerationStopped, bot: Bot) -> None:
        await bot.send_message(stop.chat.id, "Once upon")

    @router.message(Command("app"))
    async def app(message: Message) -> None:
        key = KeyboardButton(text="Order", web_app=WebAppInfo(url="https://shop.example"))
        await message.answer("menu", reply_markup=ReplyKeyboardMarkup(keyboard=[[key]]))

    @router.message(F.web_app_data)
    async def ordered(message: Message) -> None:
        await message.answer("ordered")

    @router.message(Command("several"))
    async def several(message: Message, bot: Bot) -> None:
        await message.answer_dice(emoji="🎯")
        await message.answer_location(1.5, 2.5)
        await message.answer_venue(1.5, 2.5, "Gate", "Square 1")
        await message.answer_contact("+1", "Bo")
        live, still = BufferedInputFile(b"mov", "a.mov"), BufferedInputFile(image, "a.png")
        await bot.send_live_photo(message.chat.id, live_photo=live, photo=still)
        await bot.copy_messages(message.chat.id, message.chat.id, [message.message_id])
        await bot.forward_messages(message.chat.id, message.chat.id, [message.message_id])
        await message.answer_media_group([InputMediaPhoto(media=still, caption="both"), InputMediaPhoto(media=still)])

    @router.message(Command("forget"))
    async def forget(message: Message, bot: Bot) -> None:
        sent = await message.answer("soon gone")
        await bot.delete_messages(message.chat.id, [message.message_id, sent.message_id])

    @router.message(F.text)
    async def liked(message: Message) -> None:
        await message.react([ReactionTypeEmoji(emoji="👀")])
        await message.answer("seen", reply_to_message_id=message.message_id)

    @router.message_reaction()
    async def reacted(change: object) -> None:
        """Ask for reactions."""

    @router.poll_answer()
    async def voted(answer: object) -> None:
        """Ask for votes."""

    @business.business_message(F.text)
    async def manage(message: Message, bot: Bot) -> None:
        if message.from_user is not None and message.from_user.id == message.chat.id:
            sent = await message.answer("until six")
            await sent.edit_text("until 6")
            tasks = [InputChecklistTask(id=1, text="come")]
            await bot.send_checklist(
                message.business_connection_id or "", message.chat.id, InputChecklist(title="To do", tasks=tasks)
            )

    @business.deleted_business_messages()
    async def gone(deleted: BusinessMessagesDeleted, bot: Bot) -> None:
        await bot.send_message(deleted.chat.id, "noted", business_connection_id=deleted.business_connection_id)

    return [router, business]
