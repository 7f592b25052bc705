"""Settings of the launcher. The ports belong to the parts themselves; the launcher reads the same variables as they do."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from common.settings import BotToken, Settings

_TAKE_EVENTS = frozenset({"sidecar_port", "collector_grpc_port", "collector_http_port"})
Port = Annotated[int, Field(ge=1, le=65535)]


class StackSettings(Settings):
    """What `python -m stack` (`demo`, `up` and `run`) reads from the environment."""

    prefix: ClassVar[str] = "STACK"

    data: Path = Field(Path("data"), description="Folder for the launcher's data, secrets and logs.")
    people: int = Field(40, ge=1, le=2000, description="How many simulated people chat in the demo.")
    history_people: int = Field(300, ge=1, le=5000, description="How many people the demo's history is about.")
    history_days: int = Field(60, ge=0, le=720, description="Days of history the demo sends first; 0: none.")
    build_collector: bool = Field(
        True, description="Whether a collector that is not there yet is built in the background, for the next start."
    )
    seed: int = Field(1, description="Seed of the demo's people and their history.")
    cloudflare: Literal["fake"] | None = Field(
        None,
        alias="CLOUDFLARE",
        description="`fake`: the demo keeps pictures in a simulated Cloudflare Images; unset: in a folder.",
    )
    cloudflare_port: Port = Field(8084, description="Port of the simulated Cloudflare Images.")

    bot_token: BotToken | None = Field(
        None,
        alias="BOT_TOKEN",
        description="The bot's token from @BotFather, for `run`; with `up` its pictures are archived, too.",
    )
    embedded_port: Port = Field(8123, alias="CHATTRAIL_EMBEDDED_PORT", description="Port of ClickHouse.")
    sidecar_port: Port = Field(
        4319, alias="CHATTRAIL_SIDECAR_PORT", description="Port of the sidecar; the demo's is 14319."
    )
    web_port: Port = Field(8000, alias="CHATTRAIL_WEB_PORT", description="Port of the dashboard.")
    simulation_port: Port = Field(
        8081, alias="CHATTRAIL_SIMULATION_PORT", description="Port of the simulated Telegram."
    )
    collector_grpc_port: Port = Field(
        4317,
        alias="CHATTRAIL_COLLECTOR_GRPC_PORT",
        description="Port of the collector for OTLP over gRPC; the demo's is 14317.",
    )
    collector_http_port: Port = Field(
        4318,
        alias="CHATTRAIL_COLLECTOR_HTTP_PORT",
        description="Port for OTLP over HTTP of the collector, with `up` also without one; the demo's is 14318.",
    )
    collector_health_port: Port = Field(
        13133, alias="CHATTRAIL_COLLECTOR_HEALTH_PORT", description="Port of the collector's health check."
    )
    collector_metrics_port: Port = Field(
        8888, alias="CHATTRAIL_COLLECTOR_METRICS_PORT", description="Port of the collector's metrics."
    )

    def for_demo(self) -> Self:
        """Move the ports that take events, unless they are set: a bot that sends to this machine is not to meet the demo."""
        moved = {name: getattr(self, name) + 10_000 for name in _TAKE_EVENTS - self.model_fields_set}
        return self.model_copy(update=moved)
