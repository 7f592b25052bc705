"""Every panel's query by the driver in Grafana's ClickHouse data source, configured as it is provisioned.

The data source opens clickhouse-go by database/sql, over HTTP with gzip, pings within `dialTimeout` (10 s if nothing
is said) and gives each query a deadline of `queryTimeout`. The driver makes a setting of it, max_execution_time, which a
user's limits may refuse.
"""

import http.client
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from tests.integration.web.grafana.test_dashboard import PERIOD, filling
from tests.support.clients.clickhouse import GO_2_43, GO_NEWEST, LineProgram, Programs
from tests.support.embedded import EmbeddedClickHouse
from tests.support.grafana import GRAFANA, Query, queries
from tests.support.paths import ROOT
from tests.support.web_stage import WebStage, web_stage

USERS = ROOT / "sidecar" / "clickhouse-server" / "users.xml"
# Asks the engine, as a user with a profile of the server's file, whether it takes the settings of each request.
UNDER_THE_PROFILE = """
import json, sys, chdb
for given in json.load(sys.stdin):
    connection = chdb.connect(sys.argv[1])
    connection.query("SET profile = 'chattrail_reader'")
    try:
        for name, value in given.items():
            connection.query(f"SET {name} = '{value}'")
        print(connection.query("SELECT 'taken'", "TSVRaw").bytes().decode().strip())
    except Exception as error:
        print(str(error).splitlines()[0])
    connection.close()
"""
NOT_SETTINGS = {"database", "default_format", "client_protocol_version", "query_id", "session_id"}


class Recorder:
    """Passes requests on to a server, and keeps the settings that each names in its address."""

    def __init__(self, server: EmbeddedClickHouse) -> None:
        self.settings: list[dict[str, str]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                named = dict(parse_qsl(urlsplit(self.path).query))
                recorder.settings.append({name: named[name] for name in named.keys() - NOT_SETTINGS})
                body = self.rfile.read(int(self.headers["content-length"]))
                onward = http.client.HTTPConnection(server.host, server.port, timeout=60)
                kept = {name: value for name, value in self.headers.items() if name.lower().startswith("x-clickhouse")}
                onward.request("POST", self.path, body, {**kept, "Authorization": self.headers["Authorization"] or ""})
                answer = onward.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower().startswith("x-clickhouse"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                onward.close()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def data_source() -> dict[str, Any]:
    """What is provisioned."""
    text = (GRAFANA / "provisioning" / "datasources" / "clickhouse.yaml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(text)["datasources"]
    assert source["type"] == "grafana-clickhouse-datasource"
    provisioned: dict[str, Any] = source["jsonData"]
    assert provisioned["protocol"] == "http"
    return provisioned


def profile() -> ElementTree.Element:
    """The profile of Grafana's user on a server."""
    root = ElementTree.parse(USERS).getroot()
    name = root.findtext(f"users/{data_source()['username']}/profile")
    found = root.find(f"profiles/{name}")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()


@pytest.fixture(params=[GO_2_43, GO_NEWEST], ids=["clickhouse-go 2.43", "newest clickhouse-go"])
def driver(request: pytest.FixtureRequest, programs: Programs) -> LineProgram:
    return programs.of(request.param)


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("grafana")) as stage:
        stage.send(filling())
        yield stage


def ask(driver: LineProgram, server: EmbeddedClickHouse, database: str, op: str, address: str = "", **more: Any) -> Any:
    provisioned = data_source()
    limit = provisioned.get("dialTimeout", "10") if op == "ping" else provisioned["queryTimeout"]
    return driver.ask(
        op=op,
        address=address or f"{server.host}:{server.port}",
        database=database,
        user="readonly",
        password=server.readonly_password,
        compression="gzip",
        deadline=int(limit),
        **more,
    )


def test_the_data_source_is_within_its_users_limits(clickhouse: EmbeddedClickHouse, driver: LineProgram) -> None:
    ask(driver, clickhouse, "chattrail", "ping")
    assert int(data_source()["queryTimeout"]) <= int(profile().findtext("max_execution_time", "0"))


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.title)
def test_a_panels_query_is_answered(
    clickhouse: EmbeddedClickHouse, stage: WebStage, programs: Programs, query: Query
) -> None:
    database = urlsplit(stage.readonly_url).path.strip("/")
    answer = ask(programs.of(GO_NEWEST), clickhouse, database, "rows", sql=PERIOD.expand(query.sql))
    assert answer["rows"] or "ictures" in query.title  # none are stored here
    if query.target["queryType"] == "timeseries" and answer["rows"]:
        assert (answer["names"][0], answer["types"][0][:8]) == ("time", "DateTime")


def test_what_the_driver_sends_is_taken_under_the_servers_profile(
    clickhouse: EmbeddedClickHouse, stage: WebStage, driver: LineProgram, tmp_path: Path
) -> None:
    recorder = Recorder(clickhouse)
    database = urlsplit(stage.readonly_url).path.strip("/")
    try:
        ask(driver, clickhouse, database, "ping", recorder.address)
        for query in queries():
            ask(driver, clickhouse, database, "rows", recorder.address, sql=PERIOD.expand(query.sql))
    finally:
        recorder.close()
    sent = recorder.settings
    limits = {int(given["max_execution_time"]) for given in sent if "max_execution_time" in given}
    assert max(limits) > int(data_source()["queryTimeout"]), "the driver's own margin"
    assert len(sent) > len(queries())
    too_much = {"max_execution_time": profile().findtext("constraints/max_execution_time/max", "") + "0"}
    *taken, refused = under_the_profile(tmp_path, [*sent, too_much])
    assert taken == ["taken"] * len(sent)
    assert "Code: 452" in refused


def under_the_profile(folder: Path, requests: list[dict[str, str]]) -> list[str]:
    """What the engine says to the settings of each request, with the profile of the server's users.xml loaded."""
    text = ElementTree.tostring(profile(), encoding="unicode")
    (folder / "users.xml").write_text(
        f"<clickhouse><profiles><default/>{text}</profiles><quotas><default/></quotas><users><default><password/>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default></users></clickhouse>"
    )
    main = folder / "config.xml"
    main.write_text(f"<clickhouse><users_config>{folder / 'users.xml'}</users_config></clickhouse>")
    done = subprocess.run(
        [sys.executable, "-c", UNDER_THE_PROFILE, f"{folder / 'engine'}?config-file={main}"],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("limit", [20, 45])
def test_a_data_source_with_the_users_limit_is_never_refused(tmp_path: Path, programs: Programs, limit: int) -> None:
    """Whatever limit is configured."""
    with EmbeddedClickHouse(tmp_path, READONLY_MAX_EXECUTION_TIME_S=str(limit)) as server:
        for program in (GO_2_43, GO_NEWEST):
            answer = programs.of(program).ask(
                op="rows",
                address=f"{server.host}:{server.port}",
                database="chattrail",
                user="readonly",
                password=server.readonly_password,
                deadline=limit,
                sql="SELECT getSetting('max_execution_time')",
            )
            assert limit < answer["rows"][0][0] <= limit + 5
