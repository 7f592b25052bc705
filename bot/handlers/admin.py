"""/stats, /dashboard and /refund, for the admins named in the settings. To others these commands do not exist."""

import asyncio
from collections.abc import Collection

from aiogram import Bot, F, Router
from aiogram.enums import ChatAction
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, LinkPreviewOptions, Message
from babel.numbers import format_decimal, format_percent

from bot.chart import draw
from bot.content.texts import Say
from bot.middleware import Clock
from bot.premium import Ledger
from bot.redaction import unrecorded
from bot.telegram import showing
from bot.web_api import Figure, WebApi, WebError

_SPAN = "7d"


def router(admins: Collection[int]) -> Router:
    """Make the router."""
    own = Router(name="admin")
    own.message.filter(F.from_user.id.in_(admins))
    own.message.register(stats, Command("stats"))
    own.message.register(dashboard, Command("dashboard"))
    own.message.register(refund, Command("refund"))
    return own


async def stats(message: Message, bot: Bot, say: Say, web: WebApi) -> None:
    """Send the figures, and a chart when there is something to draw."""
    with unrecorded():
        if not web.has_token:
            await message.answer(say("admin.no_token"))
            return
        try:
            async with showing(bot, message.chat.id, ChatAction.TYPING):
                found = await web.stats(_SPAN)
        except WebError as error:
            await message.answer(say("admin.web_down", url=web.base_url, reason=str(error)))
            return
        figures = {name: _figure(figure, say) for name, figure in found.figures}
        await message.answer(say("admin.stats", **figures))
        if found.activity:
            labels = (say.plain("admin.messages"), say.plain("admin.answers"), say.plain("admin.pictures"))
            async with showing(bot, message.chat.id, ChatAction.UPLOAD_PHOTO):
                chart = await asyncio.to_thread(
                    draw, found.activity, say.plain("admin.chart_title"), labels, say.language
                )
            await message.answer_photo(BufferedInputFile(chart, "stats.png"))


async def dashboard(message: Message, say: Say, web: WebApi) -> None:
    """Send a link that logs in once. Whoever has it may enter, so it can be neither forwarded nor previewed."""
    with unrecorded():
        if not web.has_token:
            await message.answer(say("admin.no_token"))
            return
        try:
            link = await web.login_link()
        except WebError as error:
            await message.answer(say("admin.web_down", url=web.base_url, reason=str(error)))
            return
        await message.answer(
            say("admin.dashboard", until=f"{link.expires_at:%H:%M}", link=link.url),
            protect_content=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )


async def refund(message: Message, command: CommandObject, bot: Bot, say: Say, ledger: Ledger, clock: Clock) -> None:
    """/refund person charge: give the Stars back. The person's premium ends with it."""
    with unrecorded():
        parts = (command.args or "").split()
        if len(parts) != 2 or not parts[0].isdigit():
            await message.answer(say("admin.refund_usage"))
            return
        person, charge_id = int(parts[0]), parts[1]
        try:
            # Telegram knows every charge, also one that this ledger has lost.
            await bot.refund_star_payment(person, charge_id)
        except TelegramBadRequest as error:
            await message.answer(say("admin.refund_failed", reason=error.message))
            if "ALREADY_REFUNDED" in error.message:
                await ledger.refunded(person, charge_id, clock())
            return
        # The service message that follows finds the refund entered, and only tells the person.
        await ledger.refunded(person, charge_id, clock())
        await message.answer(say("admin.refund_done", charge=charge_id, person=parts[0]))


def _figure(figure: Figure, say: Say) -> str:
    value = format_decimal(figure.value, locale=say.language)
    if not figure.previous:
        return value
    change = (figure.value - figure.previous) / figure.previous
    sign = "+" if change > 0 else ""
    return say.plain(
        "admin.delta", value=value, delta=sign + format_percent(change, format="#,##0 %", locale=say.language)
    )
