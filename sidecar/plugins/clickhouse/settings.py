"""Settings of the ClickHouse sink."""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from common.settings import Settings


class ClickHouseSettings(Settings):
    """Where ClickHouse is and how long to wait for it."""

    prefix: ClassVar[str] = "SIDECAR_CLICKHOUSE"

    url: SecretStr = Field(
        default=SecretStr("http://default@127.0.0.1:8123/chattrail"),
        description="DSN of ClickHouse's HTTP interface, with a user that may create and fill the database it names.",
    )
    encoder: Literal["auto", "columns", "native", "decoded"] = Field(
        default="auto",
        description="columns: the sidecar makes columns of plain requests, and others go one of the next ways; native: ClickHouse"
        " parses OTLP itself; decoded: the sidecar does; auto: columns, and a probe at start chooses for the others.",
    )
    insert_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="Seconds an insert may take before the sender is asked to try again."
    )
    rollup_interval_s: float = Field(
        default=0.7,
        gt=0,
        le=60,
        description="Seconds from one recomputation of the figures to the next while events arrive.",
    )

    @field_validator("url")
    @classmethod
    def _is_http_dsn(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
            raise ValueError("must look like http://user:password@host:8123/database")
        return url
