"""Settings of the bot, `CHATTRAIL_BOT_*` and `BOT_TOKEN`. All have defaults that work offline, except the token."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator

from common.settings import BotToken, GuardSecret, Settings, comma_list

_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")

Seconds = Annotated[float, Field(gt=0, le=600)]


class BotSettings(Settings):
    """What the persona bot reads from its environment."""

    prefix: ClassVar[str] = "BOT"

    token: BotToken = Field(alias="BOT_TOKEN", description="The bot's token from @BotFather.")
    telegram_api_url: AnyHttpUrl | None = Field(
        None, description="Base URL of a Bot API server; unset: Telegram's own, https://api.telegram.org."
    )
    admin_ids: frozenset[int] = Field(
        frozenset(), description="Comma list of Telegram ids that may use /stats, /dashboard, /find and /refund."
    )
    seed: int = Field(1, description="Seed of the offline answers and pictures; the same seed repeats them.")
    redis_url: SecretStr | None = Field(
        None, description="Redis for chats and premium, redis://…; unset: in memory, lost when the bot ends."
    )
    memory_messages: int = Field(40, ge=4, le=400, description="How many messages of a chat the bot remembers.")
    memory_days: int = Field(90, ge=1, le=3650, description="Days after which Redis forgets a chat nobody returned to.")
    data: Path = Field(
        Path("data/bot"),
        description="Folder for the number of the last event, so that a kill's losses are seen; a few bytes.",
    )
    idle_minutes: float = Field(
        360, gt=0, description="After this many minutes of silence the bot asks whether to continue the chat."
    )
    premium_path: Path | None = Field(
        None, description="File to keep paid plans in when there is no Redis; unset: memory, lost when the bot ends."
    )
    free_messages: int = Field(40, ge=1, description="Messages a day without premium before premium is offered.")
    free_pictures: int = Field(8, ge=1, description="Pictures a day without premium.")

    ai_base_url: AnyHttpUrl | None = Field(
        None, description="OpenAI-compatible API, up to /v1; unset without a key: offline scripted answers."
    )
    ai_key: SecretStr | None = Field(None, description="Key for the AI; local servers often need none.")
    ai_model: str = Field("gpt-4o-mini", min_length=1, description="Chat model to ask for.")
    ai_timeout: Seconds = Field(45, description="Seconds a person waits for an answer at most, retries included.")
    ai_attempts: int = Field(3, ge=1, le=10, description="How often one answer is tried.")
    ai_max_tokens: int = Field(400, ge=16, le=8192, description="Longest answer to ask the model for, in tokens.")

    picture_base_url: AnyHttpUrl | None = Field(
        None, description="OpenAI-compatible images API, up to /v1; unset without a key: offline landscapes."
    )
    picture_key: SecretStr | None = Field(None, description="Key for the images API.")
    picture_model: str = Field("gpt-image-1", min_length=1, description="Image model to ask for.")
    picture_size: str = Field("1024x1024", pattern=r"^\d{2,4}x\d{2,4}$", description="Size to ask for, as 1024x1024.")
    picture_timeout: Seconds = Field(120, description="Seconds a person waits for a picture at most.")

    web_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:8000"), description="Chattrail's web part, for /stats, /dashboard and /find."
    )
    web_token: GuardSecret | None = Field(None, description="Bearer token for the web's API (`python -m web token`).")

    webhook_url: AnyHttpUrl | None = Field(
        None, description="Public https URL that Telegram calls; unset: the bot polls."
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that Telegram repeats in each call: 16-256 of A-Z a-z 0-9 _ -."
    )
    webhook_host: str = Field("127.0.0.1", description="Address the webhook listens on, behind your TLS proxy.")
    webhook_port: int = Field(8082, ge=0, le=65535, description="Port the webhook listens on; 0: any free one.")

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        parts = comma_list(given)
        if isinstance(parts, tuple) and (wrong := [part for part in parts if not part.isdigit()]):
            raise ValueError(f"must be numbers with commas between them; {wrong[0]!r} is none")
        return parts

    @model_validator(mode="after")
    def _webhook_is_complete(self) -> Self:
        if self.webhook_url is None:
            return self
        if self.webhook_url.scheme != "https" and self.telegram_api_url is None:
            raise ValueError(
                "CHATTRAIL_BOT_WEBHOOK_URL must be https: only a server of CHATTRAIL_BOT_TELEGRAM_API_URL calls http"
            )
        secret = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        if not _WEBHOOK_SECRET.fullmatch(secret):
            raise ValueError("CHATTRAIL_BOT_WEBHOOK_SECRET is needed with a webhook: 16-256 of A-Z a-z 0-9 _ -")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret in use, for the log formatter to take out."""
        candidates = (self.token, self.redis_url, self.ai_key, self.picture_key, self.web_token, self.webhook_secret)
        return tuple(secret.get_secret_value() for secret in candidates if secret is not None)
