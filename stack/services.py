"""The processes of a one-machine installation, and the environment that connects them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.collector import binary as collector_binary
from stack.process import Service
from stack.secrets import Secrets
from stack.settings import StackSettings

DEMO_OWNER = 1  # Telegram id of the simulated bot's owner
DEMO_PRICES = Path(__file__).with_name("demo_prices.toml")
DEMO_TOKEN = "424242:demo-token-of-the-simulated-telegram"  # noqa: S105 (known to the simulation only)

TOKENS = "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS"  # of several bots: the sidecar reads it itself

# of the simulated Cloudflare Images, which alone knows them: there is no such account
ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
API_TOKEN = "token-of-the-simulated-cloudflare"  # noqa: S105
ACCOUNT_HASH = "Vi7wi5KSItxGFsWRG2Us6Q"
SIGNING_KEY = "signing-key-of-the-simulated-cloudflare"


@dataclass(frozen=True, slots=True)
class Plan:
    """The services in the order of their start, and where the bot sends its events."""

    services: list[Service]
    otlp_endpoint: str
    route: str  # the way of the events, in one line for people
    has_collector: bool


@dataclass(frozen=True, slots=True)
class _Installation:
    """What the parts have in common."""

    settings: StackSettings
    secrets: Secrets
    data: Path
    simulated: bool
    has_collector: bool
    has_bot: bool

    @property
    def sidecar(self) -> str:
        """The setting of the sidecar's port. Without a collector it stands in for it, so that bots need not be set anew."""
        return "sidecar" if self.has_collector or self.has_bot else "collector_http"

    @property
    def token(self) -> str:
        if self.simulated:
            return DEMO_TOKEN
        return self.settings.bot_token.get_secret_value() if self.settings.bot_token else ""

    def url(self, part: str, path: str = "") -> str:
        """Return the address of a part by the name of its port's setting."""
        return f"http://127.0.0.1:{getattr(self.settings, f'{part}_port')}{path}"

    def dsn(self, user: str, password: str) -> str:
        return f"http://{user}:{password}@127.0.0.1:{self.settings.embedded_port}/chattrail"

    def telegram_api(self, variable: str) -> dict[str, str]:
        """Return the setting that makes a part use the simulated Telegram; none for the real one."""
        return {variable: self.url("simulation")} if self.simulated else {}

    def service(
        self, name: str, title: str, module: str, *words: str, port: str, env: Mapping[str, str], **more: Any
    ) -> Service:
        """Describe a part that listens on the ports of these settings, whose variables it reads too."""
        variables = dict(map(self.port_of, port.split()))
        return Service(
            name=name,
            title=title,
            argv=[sys.executable, "-m", module, *words],
            env={**{variable: str(number) for variable, number in variables.items()}, **env},
            ports=variables,
            **more,
        )

    def port_of(self, part: str) -> tuple[str, int]:
        """Return the variable of a part's port, and the port."""
        field = f"{part}_port"
        variable = StackSettings.model_fields[field].alias or f"CHATTRAIL_STACK_{field.upper()}"
        return variable, getattr(self.settings, field)


def plan(
    settings: StackSettings,
    secrets: Secrets,
    data: Path,
    *,
    simulated: bool,
    collector: bool = True,
    bot: bool = True,
) -> Plan:
    """Describe every process. `data` is this installation's own folder; without `collector` or `bot` there is none of it."""
    has_collector = collector and collector_binary() is not None
    own = _Installation(settings, secrets, data, simulated, has_collector, bot)
    endpoint, route = own.url(own.sidecar), "bot → sidecar → ClickHouse"
    services = [_clickhouse(own), _sidecar(own), _web(own)]
    if has_collector:
        services.append(_collector(own))
        endpoint, route = own.url("collector_http"), "bot → collector → sidecar → ClickHouse"
    if simulated:
        services.append(_simulation(own))
    if settings.cloudflare:
        services.append(_cloudflare(own))
    if bot:
        services.append(_bot(own, endpoint))
    return Plan(services, endpoint, route, has_collector)


def backfill_command(settings: StackSettings, until: str) -> list[str]:
    """Return the command that sends the demo's history; `until` (ISO time) fixes its ids, so a repeat changes nothing."""
    options = {"days": settings.history_days, "people": settings.history_people, "seed": settings.seed, "until": until}
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "stack.simulators.population.backfill", *words]


def _clickhouse(own: _Installation) -> Service:
    env = {
        "CHATTRAIL_EMBEDDED_DATA": str(own.data / "clickhouse"),
        "CHATTRAIL_EMBEDDED_PASSWORD": own.secrets.clickhouse_password,
        "CHATTRAIL_EMBEDDED_READONLY_PASSWORD": own.secrets.clickhouse_readonly_password,
        "CHATTRAIL_EMBEDDED_SAVING_PASSWORD": own.secrets.clickhouse_saving_password,
    }
    ready = own.url("embedded", "/ping")
    return own.service(
        "clickhouse", "ClickHouse (embedded)", "sidecar.embedded", port="embedded", env=env, stage=0, ready_url=ready
    )


def _sidecar(own: _Installation) -> Service:
    env = {
        "CHATTRAIL_SIDECAR_DATA": str(own.data / "sidecar"),
        "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": own.dsn("default", own.secrets.clickhouse_password),
        "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(own.data / "images"),
        "CHATTRAIL_SIDECAR_PORT": str(own.port_of(own.sidecar)[1]),
        **({"CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN": own.token} if own.token else {}),
        **own.telegram_api("CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_API_URL"),
        **(
            {
                "CHATTRAIL_SIDECAR_IMAGES_STORE": "cloudflare_images",
                "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
                "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_API_TOKEN": API_TOKEN,
                "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_API_URL": own.url("cloudflare", "/client/v4"),
            }
            if own.settings.cloudflare
            else {}
        ),
        **({"CHATTRAIL_SIDECAR_TELEMETRY_URL": own.url("collector_http")} if own.has_collector else {}),
    }
    ready = {"after": ("clickhouse",), "ready_url": own.url(own.sidecar, "/readyz")}
    return own.service("sidecar", "Sidecar", "sidecar", port=own.sidecar, env=env, stage=1, **ready)


def _collector(own: _Installation) -> Service:
    env = {
        "CHATTRAIL_COLLECTOR_SIDECAR_URL": own.url("sidecar"),
        "CHATTRAIL_COLLECTOR_DATA": str(own.data / "collector"),
        "GOMEMLIMIT": "64MiB",  # soft limits: the collector collects garbage sooner on a small machine
        "GOGC": "40",
    }
    ready = own.url("collector_health", "/")
    return own.service(
        "collector",
        "OpenTelemetry Collector",
        "collector",
        "run",
        port="collector_http collector_grpc collector_health collector_metrics",
        env=env,
        stage=2,
        ready_url=ready,
    )


def _web(own: _Installation) -> Service:
    env = {
        "CHATTRAIL_WEB_CLICKHOUSE_URL": own.dsn("readonly", own.secrets.clickhouse_readonly_password),
        "CHATTRAIL_WEB_SAVING_URL": own.dsn("saving", own.secrets.clickhouse_saving_password),
        "CHATTRAIL_WEB_SECRET_KEY": own.secrets.web_secret_key,
        "CHATTRAIL_WEB_PASSWORD_HASH": own.secrets.web_password_hash,
        "CHATTRAIL_WEB_API_TOKEN_HASHES": own.secrets.api_token_hash,
        "CHATTRAIL_WEB_DATA": str(own.data / "web"),
        "CHATTRAIL_WEB_IMAGES_DIRECTORY": str(own.data / "images"),
        **({"CHATTRAIL_WEB_PRICES": str(DEMO_PRICES)} if own.simulated else {}),
        **(
            {
                "CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH": ACCOUNT_HASH,
                "CHATTRAIL_WEB_CLOUDFLARE_SIGNING_KEY": SIGNING_KEY,
                "CHATTRAIL_WEB_CLOUDFLARE_VARIANT": "public",
                "CHATTRAIL_WEB_CLOUDFLARE_THUMBNAIL_VARIANT": "thumbnail",
                "CHATTRAIL_WEB_CLOUDFLARE_DELIVERY_URL": own.url("cloudflare"),
            }
            if own.settings.cloudflare
            else {}
        ),
    }
    return own.service("web", "Dashboard", "web", port="web", env=env, stage=3, ready_url=own.url("web", "/healthz"))


def _simulation(own: _Installation) -> Service:
    env = {
        "CHATTRAIL_SIMULATION_PEOPLE": str(own.settings.people),
        "CHATTRAIL_SIMULATION_SEED": str(own.settings.seed),
        "CHATTRAIL_SIMULATION_TOKEN": DEMO_TOKEN,
        "CHATTRAIL_SIMULATION_ADMIN_ID": str(DEMO_OWNER),
    }
    title, module = "Telegram (simulated)", "stack.simulators"
    return own.service("telegram", title, module, port="simulation", env=env, stage=3, ready_line="ready")


def _cloudflare(own: _Installation) -> Service:
    """Describe the simulated Cloudflare Images. It keeps its images in a folder, because the next demo shows them too."""
    options = {
        "port": own.settings.cloudflare_port,
        "data": own.data / "cloudflare",
        "account-id": ACCOUNT_ID,
        "token": API_TOKEN,
        "account-hash": ACCOUNT_HASH,
        "signing-key": SIGNING_KEY,
    }
    title, module = "Cloudflare Images (simulated)", "stack.simulators.cloudflare"
    words = [f"--{key}={value}" for key, value in options.items()]
    # stage 0: the sidecar may be in the middle of an upload when the demo ends
    return own.service(
        "cloudflare", title, module, *words, port="cloudflare", env={}, stage=0, ready_line="is ready on"
    )


def _bot(own: _Installation, endpoint: str) -> Service:
    env = {
        "BOT_TOKEN": own.token,
        "CHATTRAIL_BOT_WEB_URL": own.url("web"),
        "CHATTRAIL_BOT_WEB_TOKEN": own.secrets.api_token,
        "CHATTRAIL_BOT_DATA": str(own.data / "bot"),
        "CHATTRAIL_BOT_PREMIUM_PATH": str(own.data / "premium.sqlite3"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        **own.telegram_api("CHATTRAIL_BOT_TELEGRAM_API_URL"),
        **({"CHATTRAIL_BOT_ADMIN_IDS": str(DEMO_OWNER)} if own.simulated else {}),
    }
    after, argv = ("telegram", "collector"), [sys.executable, "-m", "bot"]
    return Service("bot", "Bot", argv, env, stage=3, after=after, ready_line="bot is polling")
