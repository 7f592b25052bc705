"""Is in groups: whispers to members, lets people in, answers guests, and says something to whoever writes."""

from aiogram import Bot, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import ChatJoinRequest, InlineQueryResultArticle, InputTextMessageContent, Message


def make() -> list[Router]:
    router = Router(name="groups")

    @router.message(Command("whisper"))
    async def whisper(message: Message, command: CommandObject, bot: Bot) -> None:
        member, _, words = (command.args or "").partition(" ")
        sent = await bot.send_message(message.chat.id, words, receiver_user_id=int(member))
        await bot.edit_ephemeral_message_text(
            message.chat.id, int(member), sent.ephemeral_message_id or 0, text=f"{words}!"
        )

    @router.message()
    async def answer(message: Message) -> None:
        await message.answer(f"noted: {message.text}")

    @router.guest_message()
    async def guest(message: Message, bot: Bot) -> None:
        content = InputTextMessageContent(message_text="I am a guest here")
        result = InlineQueryResultArticle(id="1", title="Who?", input_message_content=content)
        await bot.answer_guest_query(message.guest_query_id or "", result)

    @router.chat_join_request()
    async def let_in(request: ChatJoinRequest) -> None:
        await request.approve()

    return [router]
