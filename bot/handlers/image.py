"""Pictures of the present moment: on request, another one, and when it fails."""

import logging
import time
import uuid

from aiogram import Bot, F, Router
from aiogram.enums import ChatAction
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot import keyboards
from bot.chat_state import Memory
from bot.content.texts import Say
from bot.handlers.chat import Chat
from bot.handlers.premium import has_premium, offer
from bot.llm.base import BrainError, Turn
from bot.telegram import answer_button, showing
from chattrail.events import ImageGenerated, ImageRefresh

_log = logging.getLogger(__name__)


def router() -> Router:
    """Make the router."""
    own = Router(name="image")
    own.message.register(by_command, Command("picture"))
    own.callback_query.register(by_button, F.data == "picture:new")
    own.callback_query.register(another, F.data == "picture:again")
    return own


async def by_command(message: Message, bot: Bot, memory: Memory, say: Say, chat: Chat) -> None:
    """/picture."""
    assert message.from_user is not None
    await _picture(bot, message.from_user.id, memory, say, chat)


async def by_button(callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, chat: Chat) -> None:
    """The button below an answer."""
    await answer_button(callback)
    await _picture(bot, callback.from_user.id, memory, say, chat)


async def another(callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, chat: Chat) -> None:
    """The button below a picture: a different view of the same moment."""
    await answer_button(callback)
    chat.tracker.track(ImageRefresh(image_id=memory.image_id))
    await _picture(bot, callback.from_user.id, memory, say, chat)


async def _picture(bot: Bot, person: int, memory: Memory, say: Say, chat: Chat) -> None:
    found = chat.cast.story(memory.story_id)
    if found is None or not memory.lines:
        await bot.send_message(person, say("image.need_story"))
        return
    memory.begin_day(chat.clock())
    premium = await has_premium(person, memory, say, chat)
    if not premium and memory.pictures_today >= chat.settings.free_pictures:
        await offer(bot, person, say("image.limit", n=chat.settings.free_pictures), say, chat.tracker)
        return
    turn = Turn(*found, say.language, memory.history(), memory.variation)
    started = time.perf_counter()
    prompt: str | None = None
    try:
        async with showing(bot, person, ChatAction.UPLOAD_PHOTO):
            prompt = await chat.brain.picture_prompt(turn)
            picture = await chat.brain.picture(prompt)
    except BrainError as error:
        _log.warning("no picture: %s (%s)", error.error_type, error.args[0])
        elapsed = (time.perf_counter() - started) * 1000
        chat.tracker.track(ImageGenerated(prompt=prompt, duration_ms=elapsed, error_type=error.error_type))
        await bot.send_message(person, say("image.failed"))
        return
    image_id = uuid.uuid4().hex
    extension = picture.content_type.removeprefix("image/")
    with chat.tracker.details(image_id=image_id, prompt=prompt, duration_ms=(time.perf_counter() - started) * 1000):
        await bot.send_photo(
            person,
            BufferedInputFile(picture.data, f"{image_id}.{extension}"),
            reply_markup=keyboards.another_picture(say),
        )
    memory.image_id = image_id
    memory.variation += 1
    memory.pictures_today += 1
