"""Settings of the image archiver."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from common.net import is_loopback, is_unencrypted
from common.s3 import ADDRESS, BucketSettings
from common.settings import CommaList, Settings


def _loopback_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    for host in hosts:
        if not is_loopback(host):
            raise ValueError(f"{host} is not a loopback address; only this machine may be exempted, and only for tests")
    return hosts


_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]+\Z")


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


class ImagesSettings(BucketSettings, Settings):
    """Where images come from, where they are kept, and how much may be spent on one. Of stores only the chosen one's count."""

    model_config = ConfigDict(populate_by_name=True)
    prefix: ClassVar[str] = "SIDECAR_IMAGES"

    # pages read what became of images in the sink's database, so there is one variable for both
    url: SecretStr = Field(
        SecretStr("http://default@127.0.0.1:8123/chattrail"),
        alias="CHATTRAIL_SIDECAR_CLICKHOUSE_URL",
        description="DSN of the database with the `images` table: the ClickHouse plugin's variable, read here too.",
    )
    store: Literal["directory", "cloudflare_images", "s3"] = Field(
        "directory", description="Where images are kept: `directory`, `cloudflare_images` or `s3`."
    )
    store_timeout_s: float = Field(60.0, gt=0, description="Seconds for one request to `cloudflare_images` or `s3`.")
    directory: Path = Field(Path("data/images"), description="Folder in which the `directory` store keeps images.")
    cloudflare_account_id: str | None = Field(
        None,
        pattern="^[0-9a-f]{32}$",
        description="Cloudflare's account id (32 hex digits, in the dashboard's address).",
    )
    cloudflare_api_token: SecretStr | None = Field(
        None, description="API token with the permission Cloudflare Images: Edit, and no other."
    )
    cloudflare_api_url: str = Field(
        "https://api.cloudflare.com/client/v4",
        pattern=ADDRESS,
        description="Base address of Cloudflare's API; http only for a simulated one on this machine.",
    )
    cloudflare_requests: int = Field(
        1150,
        ge=0,
        description="Requests in any 5 minutes; Cloudflare allows a user 1200, the dashboard's included. 0: no limit here.",
    )
    telegram_token: SecretStr | None = Field(
        None, description="The bot's token, to download images that events name by Telegram file_id."
    )
    telegram_tokens: SecretStr | None = Field(
        None, description="The tokens of several bots (comma list); each is used for the images of its own bot."
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org", pattern=r"^https?://[^/?#@]+/?$", description="Base address of the Bot API server."
    )
    concurrency: int = Field(8, ge=1, le=256, description="Images fetched at one time.")
    max_pending: int = Field(1_000_000, ge=1, description="Images that may wait; then batches with images get 503.")
    spool_bytes: int = Field(
        4 << 30, ge=1024, description="Bytes that may wait in the spool; then batches with images get 503."
    )
    max_bytes: int = Field(20 << 20, ge=1024, description="Largest image, in bytes.")
    files_max_bytes: int = Field(
        0,
        ge=0,
        description="Largest voice message, film or document of a chat that is kept, too, in bytes; 0: none is."
        " Telegram's own server hands out 20 MB at most; `cloudflare_images` takes none.",
    )
    max_pixels: int = Field(100_000_000, ge=1, description="Largest image, in width x height x frames.")
    max_frames: int = Field(1_000, ge=1, description="Most frames of one animation.")
    decoders: int = Field(2, ge=1, le=64, description="Processes that decode images, started when needed.")
    decoder_memory_bytes: int = Field(
        1 << 30, ge=128 << 20, description="Address space of one such process; an image that needs more is refused."
    )
    allow_http: bool = Field(
        False, description="Fetch images over http (port 80) too, which every network on the way can change."
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds for fetching one image, redirects included.")
    attempts: int = Field(
        12, ge=1, le=100, description="Tries before an image is given up for network errors, 429, 5xx."
    )
    backoff_s: float = Field(2.0, gt=0, description="Seconds before the second try; doubled for each further one.")
    loopback_hosts: Annotated[CommaList, AfterValidator(_loopback_hosts)] = Field(
        (),
        description="Tests only: loopback hosts (comma list) that images may be fetched from, over http and any port.",
    )

    @property
    def bot_tokens(self) -> dict[str, str]:
        """Every token by the id of its bot, which is its own first part; a token without one stands under "".

        Raises ValueError, which does not hold a token.
        """
        tokens = [token.strip() for token in _secret(self.telegram_tokens).split(",")] if self.telegram_tokens else []
        found: dict[str, str] = {}
        for number, token in enumerate(tokens, 1):
            if not _TOKEN.match(token):
                raise ValueError(
                    f"CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS: number {number} is no bot's token, such as 42:AAH…"
                )
            if found.setdefault(token.partition(":")[0], token) != token:
                raise ValueError(
                    f"CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS: number {number} is a second token of one bot"
                )
        if single := _secret(self.telegram_token):
            found[single.partition(":")[0] if _TOKEN.match(single) else ""] = single
        return found

    @model_validator(mode="after")
    def _has_what_the_store_needs(self) -> Self:
        named = "CHATTRAIL_SIDECAR_IMAGES_"
        _ = self.bot_tokens
        if self.store == "cloudflare_images":
            if self.cloudflare_account_id is None or self.cloudflare_api_token is None:
                raise ValueError(
                    f"{named}STORE is cloudflare_images, which needs {named}CLOUDFLARE_ACCOUNT_ID and "
                    f"{named}CLOUDFLARE_API_TOKEN"
                )
            if self.files_max_bytes:
                raise ValueError(
                    f"{named}FILES_MAX_BYTES needs the store directory or s3: cloudflare_images takes images only"
                )
            if is_unencrypted(self.cloudflare_api_url):
                raise ValueError(
                    f"{named}CLOUDFLARE_API_URL is http to another machine: the token would go in the clear"
                )
        if self.store == "s3":
            if self.s3_bucket is None:
                raise ValueError(f"{named}STORE is s3, which needs {named}S3_BUCKET")
            self.check_s3_keys(named)
        return self
