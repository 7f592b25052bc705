"""/stats, /dashboard and /find."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Collection
from contextlib import suppress
from html import escape
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import CommandObject
from aiogram.types import BufferedInputFile, LinkPreviewOptions, Message

from chattrail.aiogram.owner import OwnerRouter
from chattrail.aiogram.owner.chart import LINES, draw
from chattrail.aiogram.owner.client import ApiError, Client, Stats, User
from chattrail.aiogram.owner.texts import Texts, texts_for

_FOUND = 10
_QUERY_MAX = 100
_NAME_MAX = 64
Answer = TypeVar("Answer")


def make_router(admins: Collection[int], api: str, token: str | None, dashboard: str | None) -> OwnerRouter:
    """Make the router. Raises ValueError, naming the argument at fault."""
    for one in admins:
        if not isinstance(one, int) or isinstance(one, bool):
            raise ValueError(f"admins has {one!r}: admins are Telegram ids, whole numbers such as 123456789")
    for name, address in (("api", api), ("dashboard", dashboard or api)):
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise ValueError(f"{name} is no address of a dashboard; it looks like http://127.0.0.1:8000")
    router = OwnerRouter(admins)
    owners = OwnersCommands(Client(api, token), (dashboard or api).rstrip("/"))
    for handler in (owners.stats, owners.dashboard, owners.find):
        router.command(handler.__name__, handler)
    return router


class OwnersCommands:
    """The handlers; `site` is where links lead."""

    def __init__(self, client: Client, site: str) -> None:
        self._client = client
        self._site = site

    async def stats(self, message: Message, command: CommandObject, bot: Bot) -> None:
        """Send the figures of a span, with a chart when there is something to draw."""
        texts = _texts(message)
        span = (command.args or "7d").strip().lower()
        if span not in texts.spans:
            await _say(message, texts.stats_usage)
            return
        found = await self._answer(self._client.stats(span, bot.id), message, texts)
        if found is None:
            return
        lines = [f"<b>{texts.spans[span]}</b>"]
        for name, label in texts.figures.items():
            if figure := found.figures.get(name):
                lines.append(f"{label}: {texts.change(figure.value, figure.previous)}")
        for one in found.premium.revenue:
            if one.currency != "XTR":  # Stars are a figure of their own
                lines.append(f"{one.currency}: {texts.number(one.amount, one.minor_digits)}")
        if _is_empty(found):
            await _say(message, "\n".join(lines))
            return
        lines += ["", "  ".join(f"{mark} {texts.lines[name]}" for name, _, mark in LINES)]
        chart = BufferedInputFile(await asyncio.to_thread(draw, found), "stats.png")
        await message.answer_photo(chart, caption="\n".join(lines), parse_mode=ParseMode.HTML)

    async def dashboard(self, message: Message) -> None:
        """Send a link that logs in once. Anybody who has it may enter, so it can be neither forwarded nor previewed."""
        texts = _texts(message)
        link = await self._answer(self._client.login_link(), message, texts)
        if link is not None:
            until = f"{link.expires_at:%H:%M}"
            await _say(message, texts.dashboard.format(until=until, link=escape(link.url)), protected=True)

    async def find(self, message: Message, command: CommandObject, bot: Bot) -> None:
        """Send the people who match, with links to their trails."""
        texts = _texts(message)
        name = (command.args or "").strip()
        if not 0 < len(name) <= _QUERY_MAX:
            await _say(message, texts.find_usage)
            return
        found = await self._answer(self._client.find(name, _FOUND, bot.id), message, texts)
        if found is None:
            return
        lines = [self._person(user, texts) for user in found.users]
        if not lines:
            lines = [texts.nobody.format(name=escape(name))]
        if found.total > len(found.users):
            link = f"{self._site}/analytics/users?{urlencode({'q': name})}"
            lines.append(texts.more.format(link=escape(link), total=texts.number(found.total)))
        await _say(message, "\n\n".join(lines))

    def _person(self, user: User, texts: Texts) -> str:
        link = f"{self._site}/analytics/users/{address_of(user.client_id)}"
        name = escape((user.name or user.username or user.client_id)[:_NAME_MAX])
        also = f"@{user.username}" if user.username else user.client_id
        seen = texts.person.format(messages=texts.number(user.messages), seen=f"{user.last_seen:%Y-%m-%d}")
        return f'<a href="{escape(link)}">{name}</a> {escape(also[:_NAME_MAX])}\n{seen}'

    async def _answer(self, request: Awaitable[Answer], message: Message, texts: Texts) -> Answer | None:
        """Await a request to the dashboard; None when it failed, which the admin has been informed of."""
        if message.bot is not None:
            with suppress(TelegramAPIError):
                await message.bot.send_chat_action(message.chat.id, "typing")
        try:
            return await request
        except ApiError as error:
            await _say(message, texts.no_answer.format(api=escape(self._client.base_url), reason=escape(str(error))))
            return None


def address_of(client_id: str) -> str:
    """Return the part of an address that stands for a person, as docs/api.md has it."""
    whole = client_id.encode("utf-8", "surrogateescape")
    if len(whole) > 300:
        whole = whole[:237] + hashlib.sha256(whole).hexdigest().encode()
    elif re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", client_id):
        return client_id
    return "~" + base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def _is_empty(stats: Stats) -> bool:
    return not any(slot.messages or slot.sent or slot.pictures for slot in stats.activity)


def _texts(message: Message) -> Texts:
    return texts_for(message.from_user.language_code if message.from_user else None)


async def _say(message: Message, html: str, *, protected: bool = False) -> None:
    preview = LinkPreviewOptions(is_disabled=True)
    await message.answer(html, parse_mode=ParseMode.HTML, protect_content=protected, link_preview_options=preview)
