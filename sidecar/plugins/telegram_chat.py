"""The chat of admins that plugins write to, through a bot of its own."""

import asyncio

from pydantic import Field, SecretStr

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.bot_api import BotApi, UnknownTokenError
from sidecar.plugins.outbox import OutboxSettings


class TelegramChatSettings(OutboxSettings):
    """Which bot writes to which chat; the settings of such a plugin inherit it."""

    token: SecretStr = Field(description="Token of the bot that writes; it may be another one than the watched.")
    chat_id: str = Field(
        pattern=r"^(-?\d+|@\w+)$",
        description="Chat to tell: its numeric id, or @name of a channel. It must know the bot.",
    )
    api_url: str = Field(
        "https://api.telegram.org", pattern=r"^https?://[^/?#@]+/?$", description="Base address of the Bot API server."
    )


class TelegramChat:
    """One bot's way to one chat. Make it on the loop that uses it."""

    def __init__(self, settings: TelegramChatSettings) -> None:
        self._settings = settings
        self._api = BotApi(settings.token.get_secret_value(), settings.api_url)

    async def check(self) -> None:
        """Ask who the bot is. Raises RetryableError while Telegram is away, PermanentError for a wrong token."""
        limit = self._settings.timeout_s
        try:
            async with asyncio.timeout(limit):
                await self._api.call("getMe", {}, about="the bot")
        except UnknownTokenError:
            name = f"CHATTRAIL_{self._settings.prefix}_TOKEN"
            raise PermanentError(f"Telegram does not accept the token in {name}") from None
        except TimeoutError:
            raise RetryableError(f"Telegram did not answer within {limit:g} s") from None

    async def send(self, text: str, *, about: str) -> None:
        """Send plain text; `about` says in errors what it was. Raises RetryableError and PermanentError."""
        chat = self._settings.chat_id
        message: dict[str, object] = {
            "chat_id": chat if chat.startswith("@") else int(chat),
            "text": text,
            "link_preview_options": {"is_disabled": True},
        }
        try:
            await self._api.call("sendMessage", message, about=about)
        except UnknownTokenError:
            raise RetryableError("Telegram no longer accepts the token", after=30) from None

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()
