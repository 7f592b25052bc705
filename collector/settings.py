"""Settings of the collector: what `python -m collector run` hands to the variables in otel-config.yaml and the feeds."""

import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, model_validator

from common.net import in_url, is_loopback
from common.settings import CommaList, GuardSecret, Settings

FEEDS = Path(__file__).with_name("feeds")
# Fields that steer the command only; the YAML files do not know them.
NOT_FOR_YAML = frozenset({"otelcol", "feeds"})
HOSTS = frozenset({"host", "status_host"})  # a port follows each there


class CollectorSettings(Settings):
    """Where the collector listens, where it delivers, what it leaves out."""

    prefix: ClassVar[str] = "COLLECTOR"

    otelcol: Path | None = Field(
        None,
        alias="CHATTRAIL_OTELCOL",
        description="Collector binary to use instead of the one that `python -m collector build` made.",
    )
    host: str = Field("127.0.0.1", description="Address that takes OTLP; any but a loopback address needs a token.")
    grpc_port: int = Field(4317, ge=1, le=65535, description="Port for OTLP over gRPC.")
    http_port: int = Field(4318, ge=1, le=65535, description="Port for OTLP over HTTP.")
    token: SecretStr | None = Field(None, description="Bearer token that senders must present; required off loopback.")
    status_host: str = Field("127.0.0.1", description="Address of the health check and of the collector's own metrics.")
    health_port: int = Field(13133, ge=1, le=65535, description="Port of the health check.")
    metrics_port: int = Field(
        8888, ge=1, le=65535, description="Port of the collector's own metrics (Prometheus text)."
    )
    data: Path = Field(Path("data/collector"), description="Folder for the queues on disk; keep it between runs.")
    sidecar_url: str = Field(
        "http://127.0.0.1:4319", pattern="^https?://", description="Address of the sidecar, without /v1/logs."
    )
    sidecar_token: GuardSecret | None = Field(
        None, alias="CHATTRAIL_SIDECAR_TOKEN", description="Bearer token that the sidecar asks for."
    )
    queue_size: int = Field(
        1_000_000, ge=1, description="Events kept on disk while the sidecar is away; then senders have to wait."
    )
    memory_limit_mib: int = Field(384, ge=128, description="Memory above which the collector refuses requests.")
    log_level: Literal["debug", "info", "warn", "error"] = Field("info", description="debug, info, warn or error.")
    drop_names: bool = Field(False, description="Remove people's names and usernames before anything is passed on.")
    drop_texts: bool = Field(False, description="Remove message texts, prompts and exception messages.")
    mask_texts: bool = Field(False, description="Replace e-mail addresses and long numbers in texts by marks.")
    feeds: CommaList = Field(
        (), description="More destinations, in a comma list: debug, file, kafka, otlp, or paths of YAML files."
    )
    feed_otlp_endpoint: str | None = Field(
        None, pattern="^https?://", description="Feed otlp: address of the OTLP/HTTP server, without /v1/logs."
    )
    feed_otlp_headers: SecretStr | None = Field(
        None, description='Feed otlp: headers as a JSON object, such as {"api-key": "…"}.'
    )
    feed_kafka_brokers: str | None = Field(None, description="Feed kafka: brokers as host:port, in a comma list.")
    feed_kafka_topic: str = Field("chattrail", description="Feed kafka: topic to write to.")
    feed_file_path: Path = Field(
        Path("data/collector/archive/events.jsonl"), description="Feed file: the file to write; full ones are renamed."
    )
    feed_debug_verbosity: Literal["basic", "normal", "detailed"] = Field(
        "basic", description="Feed debug: basic, normal or detailed; detailed prints message texts."
    )

    @model_validator(mode="after")
    def _checked_together(self) -> Self:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"CHATTRAIL_COLLECTOR_HOST is {self.host}, which others can reach: set CHATTRAIL_COLLECTOR_TOKEN to a "
                "long random text and give it to the senders, or listen on 127.0.0.1"
            )
        if self.token is not None and not re.fullmatch(r"[\w.~+/-]{8,}=*", self.token.get_secret_value(), re.ASCII):
            raise ValueError("CHATTRAIL_COLLECTOR_TOKEN must be 8 or more letters, digits or -._~+/ and no spaces")
        self.feed_files()
        for feed, needed in (("otlp", "feed_otlp_endpoint"), ("kafka", "feed_kafka_brokers")):
            if feed in self.feeds and getattr(self, needed) is None:
                raise ValueError(f"the feed {feed} needs CHATTRAIL_COLLECTOR_{needed.upper()}")
        if self.feed_otlp_headers is not None:
            try:
                TypeAdapter(dict[str, str]).validate_json(self.feed_otlp_headers.get_secret_value())
            except ValidationError:
                wanted = 'a JSON object of texts: {"api-key": "…"}'
                raise ValueError(f"CHATTRAIL_COLLECTOR_FEED_OTLP_HEADERS must be {wanted}") from None
        return self

    def feed_files(self) -> list[Path]:
        """The YAML file of each feed. Raises ValueError for a feed that there is not."""
        files = []
        for feed in self.feeds:
            file = Path(feed) if "/" in feed or feed.endswith((".yaml", ".yml")) else FEEDS / f"{feed}.yaml"
            if not file.is_file():
                there_are = ", ".join(sorted(path.stem for path in FEEDS.glob("*.yaml")))
                raise ValueError(f"CHATTRAIL_COLLECTOR_FEEDS: there is no feed {feed}; there are {there_are}")
            files.append(file)
        return files

    def environment(self) -> dict[str, str]:
        """The variables as the YAML files read them; a setting without a value is left out."""
        names = dict(zip(type(self).model_fields, type(self).variables(), strict=True))
        return {
            names[field]: _as_text(in_url(value) if field in HOSTS else value)
            for field, value in self
            if field not in NOT_FOR_YAML and value is not None and value != ""
        }


def _as_text(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case _:
            return str(value)
