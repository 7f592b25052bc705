"""The parts of a checkout on a data folder that is laid out as `make run` lays it out."""

import contextlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect

from tests.browser.stack import SETTLED, Part, wait_until
from tests.support.collector_process import free_ports
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT
from tests.support.receivers import quiet_port

HERE = Path(__file__).parent
ARCHIVE, ANSWERS = "data.tar.xz", "answers.json"
PASSWORD = "correct horse battery"
STATE = "bot"  # folder of the tracker's sequence files


@dataclass(frozen=True, slots=True)
class Checkout:
    """A version of the product: its folder, and the interpreter that has what it needs."""

    root: Path = ROOT
    python: str = sys.executable

    def run(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str] | None = None,
        given: object = None,
        ends_with: int = 0,
    ) -> str:
        """Run its Python with settings by their whole names; what it prints."""
        done = subprocess.run(
            [self.python, *arguments], cwd=self.root, env={**environment(self.root), **(settings or {})}, input=json.dumps(given),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == ends_with, (arguments, done.returncode, done.stderr)
        return done.stdout


def environment(root: Path) -> dict[str, str]:
    """What a part inherits, and where it finds its packages, wherever its script is."""
    names = ("CHATTRAIL_", "OTEL_", "PYTHONPATH")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return inherited | {"PYTHONPATH": str(root)}


@dataclass(frozen=True, slots=True)
class Installation:
    """Starts a checkout's parts on a data folder, each until its block ends."""

    checkout: Checkout
    data: Path

    def clickhouse(self) -> EmbeddedClickHouse:
        """Embedded ClickHouse, not started."""
        program = (self.checkout.python, "-m", "sidecar.embedded")
        return EmbeddedClickHouse(self.data, program=program, cwd=self.checkout.root)

    def sidecar_settings(self, clickhouse: EmbeddedClickHouse) -> dict[str, str]:
        """Its settings but for the port."""
        return {
            "CHATTRAIL_SIDECAR_DATA": str(self.data / "sidecar"),
            "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": clickhouse.url,
            "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(self.data / "images"),
        }

    def sidecar(self, clickhouse: EmbeddedClickHouse) -> AbstractContextManager[Part]:
        """The sidecar."""
        settings = {"CHATTRAIL_SIDECAR_PORT": str(quiet_port()), **self.sidecar_settings(clickhouse)}
        return self._part("sidecar", r"sidecar is ready: POST (http://\S+)/v1/logs", settings)

    @contextlib.contextmanager
    def collector(self, sidecar_url: str) -> Iterator[str]:
        """The collector; gives its address for OTLP over HTTP."""
        grpc, http, health, metrics = free_ports(4)
        settings = {
            "SIDECAR_URL": sidecar_url, "DATA": str(self.data / "collector"), "GRPC_PORT": str(grpc),
            "HTTP_PORT": str(http), "HEALTH_PORT": str(health), "METRICS_PORT": str(metrics),
        }  # fmt: skip
        given = {f"CHATTRAIL_COLLECTOR_{name}": value for name, value in settings.items()}
        with self._part("collector", r"(Everything is ready)", given, "run"):
            yield f"http://127.0.0.1:{http}"

    def web(self, clickhouse: EmbeddedClickHouse, **settings: str) -> AbstractContextManager[Part]:
        """The dashboard."""
        return self._part("web", r"web is ready at (http://\S+)", self.web_settings(clickhouse) | settings)

    def web_settings(self, clickhouse: EmbeddedClickHouse) -> dict[str, str]:
        """The settings of the web part that no release may need changed."""
        return {
            "CHATTRAIL_WEB_PORT": "0",
            "CHATTRAIL_WEB_CLICKHOUSE_URL": clickhouse.readonly_url,
            "CHATTRAIL_WEB_SECRET_KEY": "upgrade test: 0123456789 abcdefghijkl",
            "CHATTRAIL_WEB_DATA": str(self.data / "web"),
            "CHATTRAIL_WEB_IMAGES_DIRECTORY": str(self.data / "images"),
            "CHATTRAIL_WEB_TIMEZONE": "Europe/Berlin",
        }

    def send(self, role: str, endpoint: str, *, ends_with: int = 0) -> int:
        """Run a sender of send.py; how many events were taken."""
        arguments = (str(HERE / "send.py"), role, endpoint, str(self.data / STATE))
        return int(json.loads(self.checkout.run(arguments, ends_with=ends_with))["events"])

    def ask(self, clickhouse: EmbeddedClickHouse, visit: dict[str, str]) -> dict[str, Any]:
        """What ask.py says, and the tables that no page shows."""
        settings = self.web_settings(clickhouse) | {"CHATTRAIL_WEB_PASSWORD_HASH": visit["password_hash"]}
        found: dict[str, Any] = json.loads(self.checkout.run((str(HERE / "ask.py"), str(self.data)), settings, visit))
        return found | {name: rows(clickhouse, statement) for name, statement in TABLES.items()}

    def _part(self, module: str, ready: str, settings: dict[str, str], *arguments: str) -> AbstractContextManager[Part]:
        root = self.checkout.root
        return _ready(
            Part(
                module, ready, {"PYTHONPATH": str(root), **settings}, *arguments, python=self.checkout.python, cwd=root
            )
        )


@contextlib.contextmanager
def _ready(part: Part) -> Iterator[Part]:
    try:
        part.wait()
        yield part
    finally:
        part.stop()


# The view that docs/architecture.md promises to Grafana, and the dead letters.
TABLES = {
    "otel_logs": "SELECT toString(Timestamp), ServiceName, EventName, SeverityText, Body, LogAttributes, ResourceAttributes"
    " FROM otel_logs WHERE ServiceName IN ('billing', 'other-bot') ORDER BY Timestamp",
    "dead_letters": "SELECT reason, event_name, base64Encode(raw) FROM dead_letters FINAL ORDER BY raw",
}


def rows(clickhouse: EmbeddedClickHouse, statement: str) -> list[list[Any]]:
    """What a statement finds, as JSON has it."""
    with clickhouse_connect.get_client(dsn=clickhouse.readonly_url, autogenerate_session_id=False) as client:
        found: list[list[Any]] = json.loads(json.dumps(client.query(statement).result_rows))
    return found


def wait_for(clickhouse: EmbeddedClickHouse, events: int, pending: int = 0) -> None:
    """Wait until so many events are stored, the figures have them, and exactly so many images wait."""
    statement = (
        f"SELECT (SELECT count() FROM events FINAL), ({SETTLED}),"
        " (SELECT countIf(status = 'pending') FROM images FINAL)"
    )
    expected: list[list[Any]] = [[events, 1, pending]]
    found: list[list[Any]] = []

    def arrived() -> bool:
        found[:] = rows(clickhouse, statement)
        return found == expected

    try:
        wait_until(arrived, 60)
    except AssertionError as error:
        raise AssertionError(f"events, figures settled, pictures waiting: {found}, not {expected}") from error


def unpack(release: Path, folder: Path) -> Path:
    """Unpack a release's data folder."""
    with tarfile.open(release / ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "data"


def as_written(installation: Installation, clickhouse: EmbeddedClickHouse, visit: dict[str, str]) -> dict[str, Any]:
    """Bring the tables up to date; what is in the data folder before anything else is started."""
    installation.checkout.run(["-m", "sidecar", "migrate"], settings=installation.sidecar_settings(clickhouse))
    return installation.ask(clickhouse, visit)


def as_delivered(
    installation: Installation, clickhouse: EmbeddedClickHouse, visit: dict[str, str], events: int
) -> dict[str, Any]:
    """Start the other parts, and let arrive what was on its way; what is in the data folder then."""
    with installation.sidecar(clickhouse) as sidecar:
        assert installation.send("reporter", sidecar.url) == 0
        left = [path.name for path in (installation.data / STATE).iterdir()]
        assert not left, f"a process that was killed was not reported: {left}"
        with installation.collector(sidecar.url):
            wait_for(clickhouse, events)
        return installation.ask(clickhouse, visit)
