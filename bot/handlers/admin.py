"""/stats, /dashboard and /refund, for the admins named in the settings. To others these commands do not exist."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from aiogram import Bot
from aiogram.enums import ChatAction
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import CommandObject
from aiogram.types import BufferedInputFile, LinkPreviewOptions, Message
from babel.numbers import format_decimal, format_percent

from bot.chart import draw
from bot.chat import Chat
from bot.content.texts import Say
from bot.redaction import unrecorded
from bot.telegram import showing
from bot.web_api import Figure, WebApi, WebError

_SPAN = "7d"
Answer = TypeVar("Answer")


async def stats(message: Message, bot: Bot, say: Say, web: WebApi) -> None:
    """Send the figures, and a chart when there is something to draw."""
    with unrecorded():
        async with showing(bot, message.chat.id, ChatAction.TYPING):
            found = await _answer_of(web, web.stats(_SPAN), message, say)
        if found is None:
            return
        await message.answer(say("admin.stats", **{name: _figure(figure, say) for name, figure in found.figures}))
        if found.activity:
            labels = (say.plain("admin.messages"), say.plain("admin.answers"), say.plain("admin.pictures"))
            title = say.plain("admin.chart_title")
            async with showing(bot, message.chat.id, ChatAction.UPLOAD_PHOTO):
                chart = await asyncio.to_thread(draw, found.activity, title, labels, say.language)
            await message.answer_photo(BufferedInputFile(chart, "stats.png"))


async def dashboard(message: Message, say: Say, web: WebApi) -> None:
    """Send a link that logs in once. Anybody who has it may enter, so it can be neither forwarded nor previewed."""
    with unrecorded():
        link = await _answer_of(web, web.login_link(), message, say)
        if link is not None:
            await message.answer(
                say("admin.dashboard", until=f"{link.expires_at:%H:%M}", link=link.url),
                protect_content=True,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )


async def refund(message: Message, command: CommandObject, say: Say, chat: Chat) -> None:
    """/refund person charge: give the Stars back. The person's premium ends with it."""
    with unrecorded():
        parts = (command.args or "").split()
        if len(parts) != 2 or not parts[0].isdigit():
            await message.answer(say("admin.refund_usage"))
            return
        person, charge_id = int(parts[0]), parts[1]
        try:
            # Telegram knows every charge, also one that this ledger has lost.
            await chat.bot.refund_star_payment(person, charge_id)
        except TelegramBadRequest as error:
            await message.answer(say("admin.refund_failed", reason=error.message))
            if "ALREADY_REFUNDED" in error.message:
                await chat.ledger.refunded(person, charge_id, chat.clock())
            return
        # The service message that follows finds the refund in the ledger, and only informs the person.
        await chat.ledger.refunded(person, charge_id, chat.clock())
        await message.answer(say("admin.refund_done", charge=charge_id, person=parts[0]))


async def _answer_of(web: WebApi, request: Awaitable[Answer], message: Message, say: Say) -> Answer | None:
    """Await a request to the web part; None when it failed, which the admin has been informed of."""
    try:
        return await request
    except WebError as error:
        reason = say("admin.web_down", url=web.base_url, reason=str(error))
        await message.answer(reason if web.has_token else say("admin.no_token"))
        return None


def _figure(figure: Figure, say: Say) -> str:
    value = format_decimal(figure.value, locale=say.language)
    if not figure.previous:
        return value
    change = (figure.value - figure.previous) / figure.previous
    percent = format_percent(change, format="#,##0 %", locale=say.language)
    return say.plain("admin.delta", value=value, delta=f"+{percent}" if change > 0 else percent)
