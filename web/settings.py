"""Settings of the web part: `CHATTRAIL_WEB_*`, checked once at start."""

import re
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import Field, SecretStr, field_validator, model_validator

from common.net import is_loopback
from common.settings import CommaList, Settings
from web.analytics.prices import PriceTable
from web.images.settings import ImageStoreSettings


class WebSettings(ImageStoreSettings, Settings):
    """Settings of `python -m web`."""

    prefix: ClassVar[str] = "WEB"

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field(
        "", description="Address people open, as https://stats.example.org; unset: the loopback address listened on."
    )
    internal_hosts: CommaList = Field(
        (), description="Names, in a comma list, by which other parts call this one: web, in a container network."
    )
    clickhouse_url: SecretStr = Field(
        description="ClickHouse to read: http://user:password@host:8123/database; a read-only user is enough."
    )
    saving_url: SecretStr | None = Field(
        None,
        description="The same as a user who may insert into the table `saved`, which keeps what owners save on the pages; unset:"
        " nothing is saved.",
    )
    secret_key: SecretStr = Field(description="Key that signs cookies and cursors: 32 random characters or more.")
    password_hash: SecretStr | None = Field(
        None,
        description="argon2 hash of the login password, from `python -m web hash-password`; unset: one-time links only.",
    )
    api_token_hashes: CommaList = Field(
        (), description="SHA-256 hashes of API tokens, comma-separated, from `python -m web token`."
    )
    mcp_port: int = Field(
        8001, ge=0, le=65535, description="Port of `python -m web mcp --http`, on the same address; 0 takes a free one."
    )
    data: Path = Field(
        Path("data/web"), description="Directory for logins, login attempts and one-time links (SQLite)."
    )
    timezone: str = Field("UTC", description="Time zone in which days begin and times are shown, as Europe/Berlin.")
    source_beginnings: CommaList = Field(
        ("ref_",),
        description="Beginnings, in a comma list, of payloads of /start that are one source: ref_ for ref_17, ref_18 and the like.",
    )
    prices: Path | None = Field(
        None,
        description="TOML file with what models cost and currencies are worth (docs/prices.md); unset: no costs are shown.",
    )
    workers: int = Field(1, ge=1, le=64, description="Worker processes.")
    threads: int = Field(8, ge=1, le=64, description="Requests that may ask ClickHouse at once, in each worker.")
    connections: int = Field(
        1000,
        ge=10,
        le=100_000,
        description="Connections that may wait for their clients, in each worker; see operations.",
    )
    connections_per_address: int = Field(
        100, ge=1, le=100_000, description="The same for one client address; without effect behind proxies."
    )
    read_timeout_s: float = Field(
        10.0, gt=0, le=300, description="Seconds in which a request's head must arrive, and as many for its body."
    )
    write_timeout_s: float = Field(
        30.0, gt=0, le=300, description="Seconds in which a client must take each 64 KiB of an answer."
    )
    proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded-For, -Proto and -Host are believed."
    )
    session_hours: int = Field(168, ge=1, le=8760, description="Hours until a login ends.")
    query_timeout_s: float = Field(10.0, gt=0, le=300, description="Seconds a ClickHouse query may take.")

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        if not value:
            return value
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("must be an address such as https://stats.example.org")
        if url.path.strip("/") or url.query or url.fragment or url.username:
            raise ValueError("must be scheme and host only: no path, query or user")
        return f"{url.scheme}://{url.netloc}"

    @field_validator("internal_hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
                raise ValueError(f"{name!r} is not a host name; give names without scheme and port, such as web")
        return tuple(name.lower() for name in value)

    @field_validator("source_beginnings")
    @classmethod
    def _payloads(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for beginning in value:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", beginning):
                raise ValueError(
                    f"{beginning!r} cannot begin a payload of /start, which has A-Z, a-z, 0-9, _ and - only"
                )
        return value

    @field_validator("clickhouse_url", "saving_url")
    @classmethod
    def _dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return value
        url = urlsplit(value.get_secret_value())
        try:
            port = url.port
        except ValueError:
            port = None
        if url.scheme not in ("http", "https") or not url.hostname or not port:
            raise ValueError("must look like http://user:password@127.0.0.1:8123/chattrail (the port is needed)")
        if not re.fullmatch(r"/\w+/?", url.path):
            raise ValueError("must name the database at its end, as http://user:password@127.0.0.1:8123/chattrail")
        return value

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if len(key) < 32 or len(set(key)) < 10:
            raise ValueError(
                "is too weak: 32 random characters or more are needed; make one with"
                " `python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            )
        return value

    @field_validator("password_hash")
    @classmethod
    def _argon2(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                extract_parameters(value.get_secret_value())
            except (InvalidHashError, ValueError):
                raise ValueError("is not an argon2 hash; make one with `python -m web hash-password`") from None
        return value

    @field_validator("api_token_hashes")
    @classmethod
    def _sha256(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, item in enumerate(value, 1):
            if not re.fullmatch(r"[0-9a-fA-F]{64}", item):
                raise ValueError(
                    f"entry {number} is not a SHA-256 in hex; `python -m web token` prints a token and its hash"
                )
        return tuple(item.lower() for item in value)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone name such as Europe/Berlin") from None
        return value

    @field_validator("prices")
    @classmethod
    def _price_table(cls, value: Path | None) -> Path | None:
        if value is not None:
            PriceTable.read(value)
        return value

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not is_loopback(self.host) and not self.public_url:
            raise ValueError(
                f"CHATTRAIL_WEB_HOST is {self.host}, so other machines can reach the pages:"
                " set CHATTRAIL_WEB_PUBLIC_URL to the address they use"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The deployment's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def secure(self) -> bool:
        """Whether people reach the pages over https."""
        return self.public_url.startswith("https://")

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """Host names a request may ask for, beside loopback: the public one and the internal ones."""
        public = urlsplit(self.public_url).hostname
        return (*((public,) if public else ()), *self.internal_hosts)
