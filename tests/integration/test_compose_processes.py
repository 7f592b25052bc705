"""The commands and environments of docker-compose.yml as plain processes: hosts become loopback, volumes become folders."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chattrail.context import Person
from chattrail.events import UserMessage
from chattrail.export.pipeline import create_tracker
from tests.browser.stack import Part, wait_until
from tests.support.collector_process import binary_or_skip, free_ports
from tests.support.compose import Image, environment, filled
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT

SIDECAR, WEB, OTLP_GRPC, OTLP_HTTP, HEALTH, METRICS = range(6)


@dataclass(frozen=True)
class Deployment:
    """The parts of the compose file on this machine."""

    values: dict[str, str]
    folder: Path
    ports: list[int]
    clickhouse: EmbeddedClickHouse
    database: str

    def url(self, port: int) -> str:
        """Address of a part, by the number of its port."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def environment(self, part: str) -> dict[str, str]:
        """The container's environment, with what only a container network has replaced."""
        dsn = self.clickhouse.dsn(self.database, readonly=part == "web")
        replaced = {
            r"http://(sidecar|web):[^@]+@clickhouse:8123/chattrail": dsn,
            r"http://sidecar:4319": self.url(SIDECAR),
            r"http://collector:4318": self.url(OTLP_HTTP),
            r"0\.0\.0\.0": "127.0.0.1",
            r"/var/lib/chattrail": str(self.folder),
        }
        given = {name: value for name, value in environment(part, self.values).items() if name != "PATH"}
        for pattern, instead in replaced.items():
            given = {name: re.sub(pattern, instead, value) for name, value in given.items()}
        return given

    def ask(self, port: int, path: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer."""
        request = urllib.request.Request(self.url(port) + path, data=body, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""


def start(deployment: Deployment, part: str, ready: str, **ports: int) -> Part:
    """Start a part of ours with its image's command."""
    assert Image.read(part).command == ["python", "-m", part]
    fixed = {f"CHATTRAIL_{part.upper()}_{name}": str(value) for name, value in ports.items()}
    return Part(part, ready, deployment.environment(part) | fixed)


def start_collector(deployment: Deployment) -> subprocess.Popen[bytes]:
    """Start the collector with its image's command; /etc/chattrail holds two files of the repository there."""
    program, *arguments = Image.read("collector").command
    assert program == "/otelcol-chattrail"
    files = {f"/etc/chattrail/{Path(path).name}": ROOT / path for path in ("otel-config.yaml", "collector/token.yaml")}
    located = [f"--config={files[argument.removeprefix('--config=')]}" for argument in arguments]
    ports = {"GRPC": OTLP_GRPC, "HTTP": OTLP_HTTP, "HEALTH": HEALTH, "METRICS": METRICS}
    fixed = {f"CHATTRAIL_COLLECTOR_{name}_PORT": str(deployment.ports[port]) for name, port in ports.items()}
    (deployment.folder / "collector").mkdir()
    with (deployment.folder / "collector.log").open("wb") as log:
        given = deployment.environment("collector") | fixed
        return subprocess.Popen([binary_or_skip(), *located], env=given, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def deployment(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with ExitStack() as stack:
        database = stack.enter_context(clickhouse.fresh_database())
        folder = tmp_path_factory.mktemp("compose")
        made = Deployment(filled(), folder, free_ports(6), clickhouse, database)
        sidecar = start(made, "sidecar", r"sidecar is ready: POST (http://\S+)/v1/logs", PORT=made.ports[SIDECAR])
        stack.callback(sidecar.stop)
        assert sidecar.wait() == made.url(SIDECAR)
        web = start(made, "web", r"web is ready at (http://\S+)", PORT=made.ports[WEB])
        stack.callback(web.stop)
        assert web.wait() == made.values["CHATTRAIL_WEB_PUBLIC_URL"]
        collector = start_collector(made)
        stack.callback(collector.wait, 20)
        stack.callback(collector.send_signal, signal.SIGTERM)
        wait_until(lambda: collector.poll() is not None or made.ask(HEALTH, "/", {})[0] == 200)
        assert collector.poll() is None, (folder / "collector.log").read_text()
        yield made


def test_an_event_travels_from_the_bot_to_the_dashboard(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = deployment.environment("bot")
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        if name.startswith("OTEL_"):
            monkeypatch.setenv(name, value)
    person = f"p-{uuid.uuid4().hex}"
    tracker = create_tracker("bot", when_full="wait")
    tracker.track(UserMessage(text="hello"), user=Person(id=person, name="Ann"))
    assert tracker.flush(20)
    tracker.shutdown()
    assert tracker.counts().exported == 1

    # as the bot asks: by the name that the dashboard has in the container network
    headers = {"Authorization": f"Bearer {given['CHATTRAIL_BOT_WEB_TOKEN']}", "Host": "web:8000"}
    path = f"/api/analytics/users/{person}/events"
    wait_until(lambda: deployment.ask(WEB, path, headers)[0] == 200)
    [event] = json.loads(deployment.ask(WEB, path, headers)[1])["events"]
    assert (event["type"], event["text"]) == ("user_message", "hello")


def test_strangers_in_the_network_are_turned_away(deployment: Deployment) -> None:
    protobuf = {"Content-Type": "application/x-protobuf"}
    assert deployment.ask(OTLP_HTTP, "/v1/logs", protobuf, b"")[0] == 401
    assert deployment.ask(SIDECAR, "/v1/logs", protobuf, b"")[0] == 401
    assert deployment.ask(WEB, "/api/analytics/stats", {"Host": "web:8000"})[0] == 401
    token = {"Authorization": f"Bearer {deployment.values['CHATTRAIL_BOT_WEB_TOKEN']}"}
    assert deployment.ask(WEB, "/api/analytics/stats", {**token, "Host": "elsewhere:8000"})[0] == 400


@pytest.mark.parametrize("part", ["sidecar", "web"])
def test_the_health_checks_of_the_images_pass(deployment: Deployment, part: str) -> None:
    [check] = Image.read(part).of("HEALTHCHECK")
    program, option, code = json.loads(check.partition(" CMD ")[2])
    assert (program, option) == ("python", "-c")
    port = {"sidecar": SIDECAR, "web": WEB}[part]
    probe = code.replace(Image.read(part).of("EXPOSE")[0], str(deployment.ports[port]))
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=20)
    nobody = probe.replace(str(deployment.ports[port]), "9")
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([sys.executable, "-c", nobody], check=True, timeout=20, stderr=subprocess.DEVNULL)


def test_nothing_secret_is_logged(deployment: Deployment) -> None:
    log = (deployment.folder / "collector.log").read_text()
    secrets = [value for name, value in deployment.values.items() if re.search("TOKEN|PASSWORD|KEY", name) and value]
    assert len(secrets) >= 8
    assert not any(secret in log for secret in secrets)
