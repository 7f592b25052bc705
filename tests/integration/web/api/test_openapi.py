"""The OpenAPI document: what is asked by it is answered as it says, by the real server on the real engine."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.browser.stack import Part
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_people import records_of
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER, make_app, running_web
from web.openapi.document import document
from web.openapi.operation import operations

CONFIG = Path(__file__).parent / "schemathesis.toml"
PEOPLE = 20
PATHS = {
    "figures": "/api/analytics/stats?range=all",
    "retention": "/api/analytics/retention?range=all",
    "funnel": "/api/analytics/funnel?range=all",
    "sources": "/api/analytics/sources?range=all",
    "bots": "/api/analytics/bots",
    "people": "/api/analytics/users",
    "trail": "/api/analytics/users/5000000000/events",
    "alerts": "/api/analytics/alerts",
    "search": "/api/analytics/search?q=a",
}


@pytest.fixture(scope="module")
def web(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    folder = tmp_path_factory.mktemp("openapi")
    with web_stage(clickhouse, folder) as stage:
        chance = random.Random(1)
        stage.send([record for number in range(PEOPLE) for record in records_of(number, chance)])
        with running_web(folder / "web", stage.readonly_url) as part:
            yield part


def ask_everything(web: Part, folder: Path, *options: str) -> None:
    """Run schemathesis with all of its checks (those of CONFIG aside); a finding fails with its report."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(CONFIG),
        "run", f"{web.url}/api/openapi.json", "--header", f"Authorization: {BEARER['Authorization']}",
        "--continue-on-failure", "--seed", "1", *options,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: " in done.stdout
    assert "Traceback" not in "".join(web.output)


def test_what_the_document_allows_is_answered_as_it_says(web: Part, tmp_path: Path) -> None:
    ask_everything(web, tmp_path, "--phases", "coverage,fuzzing", "--max-examples", "2")


@pytest.mark.slow
def test_many_more_and_chains_of_requests(web: Part, tmp_path: Path) -> None:
    ask_everything(web, tmp_path, "--max-examples", "300")


@pytest.mark.parametrize("name", PATHS)
def test_an_answer_has_exactly_the_documented_fields(web: Part, name: str) -> None:
    described = httpx.get(f"{web.url}/api/openapi.json", headers=BEARER, timeout=30).json()
    path = next(path for path, item in described["paths"].items() if item.get("get", {}).get("operationId") == name)
    schema = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for one in described["components"]["schemas"].values():
        if "properties" in one:
            one["additionalProperties"] = False
    answer = httpx.get(f"{web.url}{PATHS[name]}", headers=BEARER, timeout=30).json()
    validator = jsonschema_rs.validator_for({**schema, "components": described["components"]}, validate_formats=True)
    validator.validate(answer)


def test_every_route_is_an_operation_with_a_name_of_its_own(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    described: dict[str, Any] = document(app)
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert {rule.rule for rule, _ in operations(app)} == routes - {"/api/openapi.json"}
    names = [operation.name for _, operation in operations(app)]
    assert len(set(names)) == len(names)
    for item in described["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert all(parameter["description"] for parameter in operation["parameters"])
