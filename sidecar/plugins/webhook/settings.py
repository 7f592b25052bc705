"""Settings of the webhook."""

from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from chattrail.events import EVENT_TYPES
from common.net import is_loopback
from common.settings import CommaList, nearest
from sidecar.plugins.outbox import OutboxSettings


def _event_types(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in EVENT_TYPES:
            raise ValueError(f"there is no event type {name!r}; did you mean {nearest(name, EVENT_TYPES)}?")
    return names


class WebhookSettings(OutboxSettings):
    """Which events go where, and how hard the webhook tries."""

    prefix: ClassVar[str] = "SIDECAR_WEBHOOK"

    url: SecretStr = Field(description="Address to POST events to: https, or http on loopback.")
    secret: SecretStr = Field(
        min_length=16, description="Key of the signature, at least 16 characters; the receiving side checks with it."
    )
    events: Annotated[CommaList, AfterValidator(_event_types)] = Field(
        ("premium_action", "handler_failed", "bot_blocked", "bot_unblocked"),
        min_length=1,
        description="Event types to send, in a comma list.",
    )
    message_text: bool = Field(
        False,
        description="Send private attributes too (texts, prompts, messages of exceptions) and strangers' own ones.",
    )
    allow_http: bool = Field(False, description="Allow plain http off loopback, for a network nobody else can read.")
    attempts: int = Field(8, ge=1, le=100, description="Tries before a delivery is given up.")
    queue_bytes: int = Field(8 << 20, ge=1024, description="Bytes of deliveries that may wait; more are dropped.")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        try:
            address = urlsplit(self.url.get_secret_value())
            host, _ = address.hostname or "", address.port
        except ValueError:
            host = ""
        if not host or address.scheme not in ("https", "http"):
            raise ValueError("CHATTRAIL_SIDECAR_WEBHOOK_URL must be an https address")
        if address.scheme == "http" and not self.allow_http and not is_loopback(host):
            raise ValueError(
                "CHATTRAIL_SIDECAR_WEBHOOK_URL must be https: http shows events to everybody on the way; in a network of "
                "your own set CHATTRAIL_SIDECAR_WEBHOOK_ALLOW_HTTP=true"
            )
        return self
