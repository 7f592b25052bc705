"""Images of the present moment: on request, another one, and after an error."""

import logging
import time
import uuid

from aiogram.enums import ChatAction
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot import keyboards
from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.texts import Say
from bot.llm.base import LlmError, Step, Turn
from bot.telegram import answer_button, showing
from chattrail.events import ImageGenerated, ImageRefresh

_log = logging.getLogger(__name__)


async def by_command(message: Message, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """/picture."""
    await _send_image(message.chat.id, chat_state, say, chat)


async def by_button(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Handle the button below an answer."""
    await answer_button(callback)
    await _send_image(callback.from_user.id, chat_state, say, chat)


async def another(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Handle the button below an image: a different view of the same moment."""
    chat.tracker.track(ImageRefresh(image_id=chat_state.image_id))
    await by_button(callback, chat_state, say, chat)


async def _send_image(person: int, chat_state: ChatState, say: Say, chat: Chat) -> None:
    found = chat.personas.story(chat_state.story_id)
    if found is None or not chat_state.lines:
        await chat.bot.send_message(person, say("image.need_story"))
        return
    chat_state.begin_day(chat.clock())
    premium, free = await chat.has_premium(person, chat_state, say), chat.settings.free_pictures
    if not premium and chat_state.pictures_today >= free:
        await chat.offer_premium(person, say("image.limit", n=free), say)
        return
    turn = Turn(*found, say.language, chat_state.history(), chat_state.variation)
    started = time.perf_counter()
    prompt: str | None = None
    try:
        async with showing(chat.bot, person, ChatAction.UPLOAD_PHOTO):
            scene = (await chat.backend.complete(Step.SCENE, turn)).text
            prompt = (await chat.backend.complete(Step.IMAGE_PROMPT, turn, scene=scene)).text
            image = await chat.make_image(prompt)
    except LlmError as error:
        _log.warning("no image: %s (%s)", error.error_type, error.args[0])
        elapsed = (time.perf_counter() - started) * 1000
        chat.tracker.track(ImageGenerated(prompt=prompt, duration_ms=elapsed, error_type=error.error_type))
        await chat.bot.send_message(person, say("image.failed"))
        return
    image_id, elapsed = uuid.uuid4().hex, (time.perf_counter() - started) * 1000
    file = BufferedInputFile(image.data, f"{image_id}.{image.content_type.removeprefix('image/')}")
    with chat.tracker.details(image_id=image_id, prompt=prompt, duration_ms=elapsed):
        await chat.bot.send_photo(person, file, reply_markup=keyboards.another_image(say))
    chat_state.image_id = image_id
    chat_state.variation += 1
    chat_state.pictures_today += 1
