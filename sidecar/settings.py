"""Settings of the sidecar itself; each plugin brings its own (`CHATTRAIL_SIDECAR_<PLUGIN>_*`)."""

import re
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from common.net import is_loopback
from common.settings import CommaList, GuardSecret, Settings

DEFAULT_PLUGINS = "clickhouse,images"
ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+")


class SidecarSettings(Settings):
    """The receiver and what all plugins share."""

    prefix: ClassVar[str] = "SIDECAR"

    config: Path | None = Field(
        None, description="TOML file with settings; variables win over it, and `--config` sets it too."
    )
    host: str = Field("127.0.0.1", description="Address to listen on; any but a loopback address needs a token.")
    port: int = Field(4319, ge=0, le=65535, description="Port to listen on; 0 takes a free one and prints it.")
    token: GuardSecret | None = Field(
        None, description="Bearer token that senders must present; required off loopback."
    )
    data: Path = Field(Path("data/sidecar"), description="Folder for what plugins keep on disk.")
    plugins: CommaList = Field(
        tuple(DEFAULT_PLUGINS.split(",")),
        description="Plugins to run, in a comma list; see `python -m sidecar plugins`.",
    )
    plugins_dir: Path | None = Field(
        None, description="Folder of plugin files, each exposing FACTORY; `--plugins-dir` sets it too."
    )
    max_body_bytes: int = Field(
        16 << 20,
        ge=1024,
        description="Largest request body as sent (compressed); keep it above the collector's batches.",
    )
    max_inflated_bytes: int = Field(32 << 20, ge=1024, description="Largest request body after inflating.")
    max_in_flight_bytes: int = Field(
        128 << 20, ge=1024, description="Bytes of requests held at once, wire and inflated; above it senders get 429."
    )
    max_connections: int = Field(
        1000,
        ge=10,
        le=100_000,
        description="Connections that may wait for a request; above it the longest idle are closed.",
    )
    idle_timeout_s: float = Field(
        75.0, gt=0, description="Seconds a connection may be without the whole head of a request."
    )
    read_timeout_s: float = Field(
        30.0, gt=0, description="Seconds a sender may take to send one body; slower than 1 KiB/s after 5 s is too slow."
    )
    handle_timeout_s: float = Field(60.0, gt=0, description="Seconds a required plugin may take for one batch.")
    drain_timeout_s: float = Field(10.0, gt=0, description="Seconds to finish requests in flight after SIGTERM.")
    cors_origins: CommaList = Field(
        (),
        description="Origins of web pages whose scripts may send, in a comma list, such as https://app.example; * is any.",
    )
    telemetry_url: str | None = Field(
        None,
        pattern=r"^https?://[^@?#\s]+$",
        description="Address of an OTLP/HTTP collector for the sidecar's own metrics and logs, without /v1/…; unset: off.",
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin: write it as a browser sends it, https://app.example or "
                    "http://localhost:3000, in small letters and without a path or a slash at the end; or * for any"
                )
        return origins

    @model_validator(mode="after")
    def _checked_together(self) -> Self:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"CHATTRAIL_SIDECAR_HOST is {self.host}, which others can reach: set CHATTRAIL_SIDECAR_TOKEN to a long "
                "random text and give it to the senders, or listen on 127.0.0.1"
            )
        if self.max_in_flight_bytes < self.max_body_bytes + self.max_inflated_bytes:
            raise ValueError(
                "CHATTRAIL_SIDECAR_MAX_IN_FLIGHT_BYTES must be at least MAX_BODY_BYTES + MAX_INFLATED_BYTES "
                f"({self.max_body_bytes + self.max_inflated_bytes}), or the largest request could never be taken"
            )
        return self
