"""docs/api.md tells the truth: its examples are real answers, its tables are complete.

After a wanted change `WRITE_DOCS=1 pytest tests/integration/web/api/test_api_docs.py` puts the new answers in.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from PIL import Image

from tests.browser.stack import wait_until
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.paths import ROOT
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER
from web.analytics.filters.request import SINGLE
from web.analytics.queries import USER_SORTS, TrailQuery, UsersQuery
from web.pages.language import catalogue

DOCS = ROOT / "docs" / "api.md"
EXAMPLE = re.compile(r"<!-- example: (?P<method>GET|POST) (?P<path>\S+) -->\n```json\n(?P<answer>.*?)\n```", re.DOTALL)
NOW = datetime(2026, 11, 22, 16, 0, 30, tzinfo=UTC)
WIDE = 120
KNOWN = ("telegram.", "session.", "gen_ai.")
RANDOM = {"request_id": "5f1e0c9a7b3d2846", "token": "kq3YtC0pV1mZ8xWb5nRj7sLd2fHg4aTe6uIo9yPQwEc"}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000) * 10**6


PRICES = """
currency = "USD"
prices = [{ model = "scripted", input = 0.15, output = 0.6 }]
rates = [{ currency = "XTR", rate = 0.013 }]
"""


def scenario() -> list[LogRecord]:
    """Two people; attributes under `chattrail.` are written without it."""
    ann = {
        "telegram.chat.id": 1001,
        "telegram.chat.type": "private",
        "telegram.user.username": "ann",
        "telegram.user.name": "Ann Marlow",
        "telegram.user.language_code": "en",
        "telegram.bot.id": 42,
        "telegram.bot.username": "persona_demo_bot",
        "session.id": "0198a0c2-ann",
        "persona.id": "luna",
        "story.id": "lighthouse",
    }
    viktor = {"telegram.user.name": "Виктор", "telegram.user.language_code": "ru"}
    image = io.BytesIO()
    Image.new("RGB", (768, 512), "navy").save(image, "PNG")
    answer = {"gen_ai.request.model": "scripted", "gen_ai.usage.input_tokens": 210, "gen_ai.usage.output_tokens": 12}
    paid = {"premium.action": "paid", "premium.plan": "month", "premium.amount": 250, "premium.currency": "XTR"}
    asked, answered = "Hi! How was your day?", "Quiet. I kept the tea warm."
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("start_command", "1001", "20T09:00:00", {**ann, "start.payload": "promo"}),
        ("persona_selected", "1001", "20T09:00:10", {**ann, "persona.name": "Luna"}),
        ("story_selected", "1001", "20T09:00:20", {**ann, "story.name": "The lighthouse"}),
        ("user_message", "1001", "20T09:00:41.250", {**ann, "message.text": asked, "message.kind": "text"}),
        ("ai_message", "1001", "20T09:00:42.090", {**ann, "message.text": answered, **answer, "ai.duration_ms": 812.5}),
        (
            "image_generated",
            "1001",
            "20T09:00:44",
            {**ann, "image.data": image.getvalue(), "image.prompt": "harbour"},
        ),
        ("custom", "1001", "21T20:10:00", {**ann, "custom.name": "quiz_finished", "property.score": 3}),
        ("premium_action", "1001", "21T20:15:00", {**ann, **paid}),
        ("start_command", "1002", "22T15:58:00", viktor),
        ("command", "1002", "22T15:58:30", {**viktor, "command.name": "help"}),
    ]
    records = []
    for number, (kind, who, when, given) in enumerate(rows, 1):
        named = {name if name.startswith(KNOWN) else f"chattrail.{name}": value for name, value in given.items()}
        event_id = f"0198a0c2-0000-7000-8000-{number:012}"
        records.append(
            event(kind, who, {"event.sequence": number, **named}, at=at(f"2026-11-{when}"), event_id=event_id)
        )
    return records


@pytest.fixture(scope="module")
def app(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("docs")) as stage:
        stage.send(scenario())
        wait_until(lambda: stage.client.command("SELECT count() FROM images FINAL WHERE status = 'stored'") == 1)
        prices = stage.folder / "prices.toml"
        prices.write_text(PRICES)
        there = {"timezone": "Europe/Berlin", "public_url": "http://127.0.0.1:8000", "prices": str(prices)}
        yield stage.app(FakeClock(NOW), **there)


def ask(app: Flask, method: str, path: str) -> Any:
    answer = app.test_client().open(path, method=method, headers=BEARER)
    assert answer.json is not None
    return settled(answer.json)


def settled(value: Any) -> Any:
    """An answer with what is random in it replaced."""
    if isinstance(value, dict):
        known = {"request_id": RANDOM["request_id"]}
        found = {name: known.get(name, settled(item)) for name, item in value.items()}
        return {
            name: re.sub(r"token=[\w-]+$", f"token={RANDOM['token']}", item) if name == "url" and item else item
            for name, item in found.items()
        }
    return [settled(item) for item in value] if isinstance(value, list) else value


def pretty(value: Any, depth: int = 0) -> str:
    """JSON with a line for what fits into one."""
    flat = json.dumps(value, ensure_ascii=False)
    if (depth and len(flat) + 2 * depth <= WIDE) or not isinstance(value, (dict, list)):
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(name)}: {pretty(item, depth + 1)}" for name, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    return "[\n" + ",\n".join(inner + pretty(item, depth + 1) for item in value) + f"\n{outer}]"


def definitions() -> str:
    counted = {key: sentence for key, sentence in catalogue("en").entries.items() if key.startswith("counted.")}
    rows = "\n".join(f"| `{key.removeprefix('counted.')}` | {sentence} |" for key, sentence in counted.items())
    return f"<!-- definitions -->\n| figure | how it is counted |\n|---|---|\n{rows}\n<!-- end -->"


def test_the_examples_are_real_answers(app: Flask) -> None:
    text = DOCS.read_text()
    if os.environ.get("WRITE_DOCS"):

        def write(match: re.Match[str]) -> str:
            answer = pretty(ask(app, match["method"], match["path"]))
            return f"<!-- example: {match['method']} {match['path']} -->\n```json\n{answer}\n```"

        text = EXAMPLE.sub(write, text)
        text = re.sub(r"<!-- definitions -->(.*?<!-- end -->)?", lambda _: definitions(), text, flags=re.DOTALL)
        DOCS.write_text(text)
    found = list(EXAMPLE.finditer(text))
    assert len(found) == text.count("<!-- example") == 9
    for match in found:
        assert json.loads(match["answer"]) == ask(app, match["method"], match["path"]), match["path"]


def test_the_definitions_are_those_of_the_pages() -> None:
    assert definitions() in DOCS.read_text()


def test_every_route_and_parameter_is_described(app: Flask) -> None:
    text = DOCS.read_text()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api"):
            (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            assert f"## {method} {path}\n" in text
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n## ")}
    for heading, query in (
        ("GET /api/analytics/users", UsersQuery),
        ("GET /api/analytics/users/{client_id}/events", TrailQuery),
    ):
        described = re.findall(r"^\| `(\w+)` \|", sections[heading], re.MULTILINE)
        named = [each for one in fields(query) for each in (one.name, *(SINGLE if one.name == "filter" else ()))]
        assert described == [*named, "bot"]
    assert ", ".join(f"`{sort}`" for sort in USER_SORTS) in sections["GET /api/analytics/users"]


def test_every_problem_is_described(app: Flask) -> None:
    described = set(re.findall(r"^\| `([a-z-]+)` \| \d{3} \|", DOCS.read_text(), re.MULTILINE))
    named = set()
    for path in (DOCS.parents[1] / "web").rglob("*.py"):
        if path.parent.name != "pages":  # there a kind is one of the trail's messages
            named |= set(re.findall(r"kind=\"([a-z-]+)\"", path.read_text()))
    assert named <= described
    client = app.test_client()
    seen = {
        client.open(path, method=method, headers=headers, data=data).json["type"].rpartition(":")[2]  # type: ignore[index]
        for method, path, headers, data in (
            ("GET", "/api/nothing", BEARER, b""),
            ("DELETE", "/api/analytics/stats", BEARER, b""),
            ("GET", "/api/analytics/stats", {}, b""),
            ("POST", "/api/login-links", BEARER, b" " * 70_000),
        )
    }
    assert seen | named | {"forbidden", "internal-server-error"} == described
