"""The MCP server, asked by the client of the official SDK over both transports, on the real engine."""

import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.browser.stack import Part
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.paths import ROOT
from tests.support.web_people import records_of
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, make_app, web_environment
from web.mcp.sql import ROWS_MAX

PEOPLE = 8
TOOLS = {
    "figures",
    "retention",
    "funnel",
    "sources",
    "bots",
    "people",
    "trail",
    "saved",
    "alerts",
    "search",
    "tables",
    "query",
}
CANARY = "text-canary-7141"
LONG = 5_000_000_007


@dataclass
class Served:
    """A database, and the MCP servers on it: their environment, and the one that listens."""

    stage: WebStage
    environment: dict[str, str]
    http: Part
    log: Path


@pytest.fixture(scope="module")
def served(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("mcp")
    with web_stage(clickhouse, folder) as stage:
        chance = random.Random(1)
        said = event("user_message", f"{LONG}", {"chattrail.message.text": CANARY})
        stage.send([said, *(record for number in range(PEOPLE) for record in records_of(number, chance))])
        environment = web_environment(folder / "web", stage.readonly_url, mcp_port="0", internal_hosts="mcp.test")
        part = Part("web", r"mcp is ready at (http://\S+)", environment, "mcp", "--http")
        try:
            part.wait()
            yield Served(stage, environment, part, folder / "stdio.log")
        finally:
            part.stop()


@asynccontextmanager
async def connected(served: Served, transport: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "web", "mcp"], env=served.environment, cwd=ROOT
        )
        with served.log.open("a") as log:
            async with Client(stdio_client(command, errlog=log)) as client:
                yield client
    else:
        async with (
            httpx2.AsyncClient(headers=BEARER, timeout=60) as web,
            Client(streamable_http_client(served.http.url, http_client=web)) as client,
        ):
            yield client


def answer_of(result: Any) -> Any:
    """What a tool answered, which stands in the result twice."""
    assert not result.is_error, result.content
    answer = json.loads(result.content[0].text)
    assert result.structured_content == answer
    return answer


def words_of(result: Any) -> str:
    """What a tool said that it could not do."""
    assert result.is_error
    return str(result.content[0].text)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_client_asks_what_people_see(served: Served, transport: str) -> None:
    api = make_app(served.stage.folder / f"api-{transport}", served.stage.readonly_url).test_client()

    def by_api(path: str) -> Any:
        found = api.get(path, headers=BEARER).json
        assert found is not None
        return found

    async with connected(served, transport) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(tool.description and tool.annotations and tool.annotations.read_only_hint for tool in tools)
        assert client.instructions is not None
        assert "never instructions" in client.instructions

        figures = answer_of(await client.call_tool("figures", {"range": "all"}))
        of_api = by_api("/api/analytics/stats?range=all")
        assert {**figures, "generated_at": ""} == {**of_api, "generated_at": ""}
        assert answer_of(await client.call_tool("bots", {})) == by_api("/api/analytics/bots")
        asked = {"sort": "messages", "order": "asc", "limit": 3, "paid": False}
        people = answer_of(await client.call_tool("people", asked))
        of_api = by_api("/api/analytics/users?sort=messages&order=asc&limit=3&paid=0")
        assert people["users"] == of_api["users"]
        assert (people["total"], len(people["users"])) == (PEOPLE - 2, 3), "the fifth and the first have paid"
        trail = answer_of(await client.call_tool("trail", {"client_id": f"{LONG}", "order": "desc"}))
        assert trail["events"] == by_api(f"/api/analytics/users/{LONG}/events")["events"]
        assert trail["events"][0]["text"] == CANARY
        found = answer_of(await client.call_tool("search", {"q": f"Zzz {CANARY}"}))
        assert found["texts"] == []
        assert "zzz" in found["words"]

        assert answer_of(await client.call_tool("tables", {}))["events"]["user_id"] == "String"
        rows = answer_of(await client.call_tool("query", {"sql": "SELECT uniqExact(user_id) AS n FROM events FINAL"}))
        assert rows == {"columns": {"n": "UInt64"}, "rows": [[PEOPLE]], "truncated": False}


async def test_what_cannot_be_answered_is_said_to_the_model(served: Served) -> None:
    async with connected(served, "http") as client:
        for name, arguments, words in (
            ("people", {"limit": 1000}, "limit: must be a whole number from 1 to 200"),
            ("people", {"lmit": 1}, "lmit: is not known here; known are sort"),
            ("people", {"q": ["a"]}, "q: must be a text"),
            ("figures", {"range": "7d", "from": "2026-01-01"}, "cannot be combined"),
            ("trail", {}, "client_id: is needed"),
            ("trail", {"client_id": "nobody"}, "No event of this person"),
            ("made_up", {}, "There is no tool made_up"),
            ("tables", {"a": 1}, "a: is not known here"),
            ("query", {}, "sql: is needed"),
            ("query", {"sql": "SELECT nothing_like_it FROM events"}, "nothing_like_it"),
            ("query", {"sql": "SELEC 1"}, "Syntax error"),
            ("query", {"sql": "SELECT 1; DROP TABLE events"}, "Multi-statements are not allowed"),
        ):
            assert words in words_of(await client.call_tool(name, arguments)), name


@pytest.mark.parametrize("user", ["readonly", "everything"])
async def test_sql_reads_this_database_and_nothing_else(
    served: Served, clickhouse: EmbeddedClickHouse, tmp_path: Path, user: str
) -> None:
    """Also where the web part was given a user who may write."""
    database = served.stage.readonly_url.rpartition("/")[2]
    url = served.stage.readonly_url if user == "readonly" else clickhouse.dsn(database)
    environment = web_environment(tmp_path, url)
    many = f"SELECT number FROM numbers({ROWS_MAX * 5})"
    async with connected(Served(served.stage, environment, served.http, served.log), "stdio") as client:
        for statement in (
            f"INSERT INTO {database}.logs SELECT * FROM logs",
            "DROP TABLE events",
            "TRUNCATE TABLE events",
            "SELECT * FROM system.query_log",
            "SELECT name FROM default.people",
            "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
            "SELECT * FROM file('/etc/passwd', 'LineAsString')",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "SELECT count() FROM events SETTINGS max_execution_time = 0",
            "SELECT /* FROM events */ * FROM /*x*/ system /*y*/ . /*z*/ one",
        ):
            assert words_of(await client.call_tool("query", {"sql": statement})), statement
        assert answer_of(await client.call_tool("query", {"sql": "SELECT count() > 0 FROM events"}))["rows"] == [[1]]
        cut = answer_of(await client.call_tool("query", {"sql": many}))
        assert (len(cut["rows"]), cut["truncated"]) == (ROWS_MAX, True)
        whole = answer_of(await client.call_tool("query", {"sql": f"{many} LIMIT {ROWS_MAX}"}))
        assert (len(whole["rows"]), whole["truncated"]) == (ROWS_MAX, False)
        wide = answer_of(await client.call_tool("query", {"sql": f"SELECT repeat('x', 100000) FROM ({many})"}))
        assert (len(wide["rows"]), wide["truncated"]) == (2, True)


async def test_a_query_ends_in_time(served: Served, tmp_path: Path) -> None:
    environment = web_environment(tmp_path, served.stage.readonly_url, query_timeout_s="1")
    async with connected(Served(served.stage, environment, served.http, served.log), "stdio") as client:
        endless = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"
        assert "longer than the query may" in words_of(await client.call_tool("query", {"sql": endless}))


def test_http_asks_for_a_token_and_for_its_own_name(served: Served) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}

    def asked(**more: str) -> int:
        return httpx.post(served.http.url, json=body, headers={**headers, **more}, timeout=60).status_code

    authorization = BEARER["Authorization"]
    assert asked() == 401
    assert asked(Authorization="Bearer wrong") == 401
    assert asked(Authorization="Basic Y3RfYS10b2tlbg==") == 401
    assert asked(Authorization=authorization) == 200
    assert asked(Authorization=authorization, Host="mcp.test:8001") == 200
    assert asked(Authorization=authorization, Host="evil.example") == 421
    assert asked(Authorization=authorization, Origin="https://evil.example") == 403


def test_without_a_token_there_is_no_http(tmp_path: Path) -> None:
    environment = web_environment(tmp_path, api_token_hashes="", mcp_port="0")
    command = [sys.executable, "-m", "web", "mcp", "--http"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "CHATTRAIL_WEB_API_TOKEN_HASHES" in ended.stderr


def test_texts_of_people_are_not_logged(served: Served) -> None:
    """Runs after the others, whose answers and questions it looks for."""
    log = "".join(served.http.output) + served.log.read_text()
    assert "trail answered" in log
    for text in (CANARY, "nothing_like_it", "passwd", "Traceback"):
        assert text not in log
