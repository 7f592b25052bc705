"""Which processes make up a one-machine installation, and the environment that ties them together."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stack import cloudflare
from stack.process import Service
from stack.secrets import Secrets
from stack.settings import StackSettings

DEMO_OWNER = 1  # Telegram id of the simulated bot's owner
DEMO_TOKEN = "424242:demo-token-of-the-simulated-telegram"  # noqa: S105 (known to the simulation only)


@dataclass(frozen=True, slots=True)
class Plan:
    """The services in the order of their start, and where the bot sends its events."""

    services: list[Service]
    otlp_endpoint: str
    route: str  # one line for people: how events travel


def plan(settings: StackSettings, secrets: Secrets, data: Path, *, simulated: bool, collector: bool = True) -> Plan:
    """Lay out every process. `data` is this installation's own folder; `collector` False leaves a collector at hand out."""
    token = DEMO_TOKEN if simulated else (settings.bot_token.get_secret_value() if settings.bot_token else "")
    telegram = f"http://127.0.0.1:{settings.simulation_port}" if simulated else ""
    sidecar_url = f"http://127.0.0.1:{settings.sidecar_port}"
    binary = collector_binary() if collector else None
    services = [
        _clickhouse(settings, secrets, data),
        _sidecar(settings, secrets, data, token, telegram, with_collector=binary is not None),
        _web(settings, secrets, data),
    ]
    if binary:
        services.append(_collector(settings, data))
        endpoint = f"http://127.0.0.1:{settings.collector_http_port}"
        route = f"bot → collector ({binary.name}) → sidecar → ClickHouse"
    else:
        endpoint = sidecar_url
        route = "bot → sidecar → ClickHouse (no collector binary at hand: `make collector` builds one)"
    if simulated:
        services.append(_simulation(settings))
    if settings.cloudflare:
        services.append(cloudflare.service(settings, data))
    services.append(_bot(settings, secrets, data, token, telegram, endpoint))
    return Plan(services, endpoint, route)


def collector_binary() -> Path | None:
    """Ask the collector part where its binary is; None when there is none."""
    command = [sys.executable, "-m", "collector", "where"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def backfill_command(settings: StackSettings, until: str) -> list[str]:
    """Return the command that sends the demo's history; `until` (ISO time) fixes its ids, so a repeat changes nothing."""
    options = {
        "--days": settings.history_days,
        "--people": settings.history_people,
        "--seed": settings.seed,
        "--until": until,
    }
    return [
        *_module("stack.simulators.population.backfill"),
        *(str(word) for option in options.items() for word in option),
    ]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _clickhouse(settings: StackSettings, secrets: Secrets, data: Path) -> Service:
    return Service(
        name="clickhouse",
        title="ClickHouse (embedded)",
        argv=_module("sidecar.embedded"),
        env={
            "CHATTRAIL_EMBEDDED_PORT": str(settings.embedded_port),
            "CHATTRAIL_EMBEDDED_DATA": str(data / "clickhouse"),
            "CHATTRAIL_EMBEDDED_PASSWORD": secrets.clickhouse_password,
            "CHATTRAIL_EMBEDDED_READONLY_PASSWORD": secrets.clickhouse_readonly_password,
        },
        stage=0,
        port=settings.embedded_port,
        port_variable="CHATTRAIL_EMBEDDED_PORT",
        ready_url=f"http://127.0.0.1:{settings.embedded_port}/ping",
    )


def _dsn(settings: StackSettings, user: str, password: str) -> str:
    return f"http://{user}:{password}@127.0.0.1:{settings.embedded_port}/chattrail"


def _sidecar(
    settings: StackSettings, secrets: Secrets, data: Path, token: str, telegram: str, *, with_collector: bool
) -> Service:
    env = {
        "CHATTRAIL_SIDECAR_PORT": str(settings.sidecar_port),
        "CHATTRAIL_SIDECAR_DATA": str(data / "sidecar"),
        "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": _dsn(settings, "default", secrets.clickhouse_password),
        "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(data / "images"),
        "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN": token,
    }
    if telegram:
        env["CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_API_URL"] = telegram
    if settings.cloudflare:
        env |= cloudflare.sidecar_environment(settings)
    if with_collector:
        env["CHATTRAIL_SIDECAR_TELEMETRY_URL"] = f"http://127.0.0.1:{settings.collector_http_port}"
    return Service(
        name="sidecar",
        title="Sidecar",
        after=("clickhouse",),
        argv=_module("sidecar"),
        env=env,
        stage=1,
        port=settings.sidecar_port,
        port_variable="CHATTRAIL_SIDECAR_PORT",
        ready_url=f"http://127.0.0.1:{settings.sidecar_port}/readyz",
    )


def _collector(settings: StackSettings, data: Path) -> Service:
    return Service(
        name="collector",
        title="OpenTelemetry Collector",
        argv=[*_module("collector"), "run"],
        env={
            "CHATTRAIL_COLLECTOR_SIDECAR_URL": f"http://127.0.0.1:{settings.sidecar_port}",
            "CHATTRAIL_COLLECTOR_DATA": str(data / "collector"),
            "CHATTRAIL_COLLECTOR_GRPC_PORT": str(settings.collector_grpc_port),
            "CHATTRAIL_COLLECTOR_HTTP_PORT": str(settings.collector_http_port),
            "CHATTRAIL_COLLECTOR_HEALTH_PORT": str(settings.collector_health_port),
            "CHATTRAIL_COLLECTOR_METRICS_PORT": str(settings.collector_metrics_port),
            "GOMEMLIMIT": "64MiB",  # soft limits: the collector collects garbage sooner on a small machine
            "GOGC": "40",
        },
        stage=2,
        port=settings.collector_http_port,
        port_variable="CHATTRAIL_COLLECTOR_HTTP_PORT",
        ready_url=f"http://127.0.0.1:{settings.collector_health_port}/",
    )


def _web(settings: StackSettings, secrets: Secrets, data: Path) -> Service:
    return Service(
        name="web",
        title="Dashboard",
        argv=_module("web"),
        env={
            "CHATTRAIL_WEB_PORT": str(settings.web_port),
            "CHATTRAIL_WEB_CLICKHOUSE_URL": _dsn(settings, "readonly", secrets.clickhouse_readonly_password),
            "CHATTRAIL_WEB_SECRET_KEY": secrets.web_secret_key,
            "CHATTRAIL_WEB_PASSWORD_HASH": secrets.web_password_hash,
            "CHATTRAIL_WEB_API_TOKEN_HASHES": secrets.api_token_hash,
            "CHATTRAIL_WEB_DATA": str(data / "web"),
            "CHATTRAIL_WEB_IMAGES_DIRECTORY": str(data / "images"),
            **(cloudflare.web_environment(settings) if settings.cloudflare else {}),
        },
        stage=3,
        port=settings.web_port,
        port_variable="CHATTRAIL_WEB_PORT",
        ready_url=f"http://127.0.0.1:{settings.web_port}/healthz",
    )


def _simulation(settings: StackSettings) -> Service:
    return Service(
        name="telegram",
        title="Telegram (simulated)",
        argv=_module("stack.simulators"),
        env={
            "CHATTRAIL_SIMULATION_PORT": str(settings.simulation_port),
            "CHATTRAIL_SIMULATION_PEOPLE": str(settings.people),
            "CHATTRAIL_SIMULATION_SEED": str(settings.seed),
            "CHATTRAIL_SIMULATION_TOKEN": DEMO_TOKEN,
            "CHATTRAIL_SIMULATION_ADMIN_ID": str(DEMO_OWNER),
        },
        stage=3,
        port=settings.simulation_port,
        port_variable="CHATTRAIL_SIMULATION_PORT",
        ready_line="ready",
    )


def _bot(settings: StackSettings, secrets: Secrets, data: Path, token: str, telegram: str, endpoint: str) -> Service:
    env = {
        "BOT_TOKEN": token,
        "CHATTRAIL_BOT_WEB_URL": f"http://127.0.0.1:{settings.web_port}",
        "CHATTRAIL_BOT_WEB_TOKEN": secrets.api_token,
        "CHATTRAIL_BOT_DATA": str(data / "bot"),
        "CHATTRAIL_BOT_PREMIUM_PATH": str(data / "premium.sqlite3"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    if telegram:
        env["CHATTRAIL_BOT_TELEGRAM_API_URL"] = telegram
        env["CHATTRAIL_BOT_ADMIN_IDS"] = str(DEMO_OWNER)
    return Service(
        name="bot",
        title="Bot",
        after=("telegram", "collector"),
        argv=_module("bot"),
        env=env,
        stage=3,
        ready_line="bot is polling",
    )
