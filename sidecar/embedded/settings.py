"""Settings of the embedded ClickHouse server."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from common.net import is_loopback
from common.settings import GuardSecret, Settings


class EmbeddedSettings(Settings):
    """Where the embedded server listens, its passwords, and what a query may cost."""

    prefix: ClassVar[str] = "EMBEDDED"

    host: str = Field(default="127.0.0.1", description="Address to listen on; another than loopback needs passwords.")
    port: int = Field(default=8123, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path = Field(default=Path("data/clickhouse"), description="Folder of the database; one process owns it.")
    password: GuardSecret | None = Field(default=None, description="Password of the user `default` (full rights).")
    readonly_password: GuardSecret | None = Field(default=None, description="Password of the user `readonly`.")
    saving_password: GuardSecret | None = Field(
        default=None,
        description="Password of the user `saving`, who may insert into the table `saved` and do nothing else.",
    )
    max_execution_time_s: int = Field(
        default=300, ge=1, description="Time limit of a query of `default`, seconds; a query may set its own."
    )
    readonly_max_execution_time_s: int = Field(
        default=30,
        ge=1,
        description="Time limit of a query of `readonly`, seconds; a query may lower it, or ask for five more.",
    )
    readonly_max_result_rows: int = Field(
        default=5_000_000, ge=1, description="Most rows an answer to `readonly` may have; a query may only lower it."
    )
    max_memory_mb: int = Field(default=1024, ge=256, description="Memory the engine may take in all, MiB.")
    query_memory_mb: int = Field(default=512, ge=32, description="Memory one query may take, MiB.")
    max_concurrent_queries: int = Field(default=8, ge=1, le=256, description="Queries that run at the same time.")
    max_queued_queries: int = Field(default=256, ge=0, description="Queries that may wait for their turn.")
    queue_time_s: float = Field(default=10.0, ge=0, description="Longest wait for a turn, seconds; then error 202.")
    max_connections: int = Field(
        default=1000,
        ge=10,
        le=100_000,
        description="Connections that may wait for their client; above it those go that have waited longest.",
    )
    idle_timeout_s: float = Field(
        default=75.0, gt=0, description="Seconds a connection may be without the whole head of a request."
    )
    body_patience_s: float = Field(
        default=30.0, gt=0, description="Seconds a body may keep the server waiting, and one more for each KiB of it."
    )
    body_time_s: float = Field(
        default=600.0, gt=0, description="Seconds a body may keep the server waiting in all, whatever its size."
    )
    answer_patience_s: float = Field(
        default=30.0, gt=0, description="Seconds a client may take for a megabyte of its answer; then it is broken off."
    )
    max_body_mb: int = Field(default=1024, ge=1, description="Largest request body, MiB, counted after inflating.")
    shutdown_s: float = Field(default=4.0, gt=0, description="Time that running queries get to finish on SIGTERM.")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.on_loopback and not (self.password and self.password.get_secret_value()):
            raise ValueError(
                f"CHATTRAIL_EMBEDDED_HOST={self.host} can be reached from other machines:"
                " set CHATTRAIL_EMBEDDED_PASSWORD, or listen on 127.0.0.1"
            )
        if any(letter in str(self.data) for letter in "?&"):
            raise ValueError("CHATTRAIL_EMBEDDED_DATA: the engine takes no folder name with '?' or '&'")
        return self
