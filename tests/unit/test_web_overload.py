"""What a request gets for which there is no thread."""

from pathlib import Path

import pytest
from flask import Flask

from tests.web_support import make_app, sign_in
from web.access import Work, work_of
from web.overload import REFUSED


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return make_app(tmp_path)


@pytest.mark.parametrize(("language", "says"), [("en", "The dashboard is busy"), ("ru", "Сервер сейчас занят")])
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_page_that_says_so_and_when_to_come_again(app: Flask, language: str, says: str, signed_in: bool) -> None:
    with app.test_client() as client:
        if signed_in:
            sign_in(client)
        answer = client.get(f"/analytics?lang={language}", environ_overrides={REFUSED: True})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert says in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_problem_for_programs(app: Flask) -> None:
    answer = app.test_client().get("/api/analytics/stats", environ_overrides={REFUSED: True})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:busy"


@pytest.mark.parametrize(
    ("method", "path", "work"),
    [
        ("GET", "/healthz", Work.LITTLE),
        ("GET", "/static/app.css", Work.LITTLE),
        ("GET", "/login", Work.LITTLE),
        ("GET", "/nowhere", Work.LITTLE),
        ("DELETE", "/login", Work.LITTLE),
        ("POST", "/login", Work.SIGN_IN),
        ("POST", "/login/link", Work.SIGN_IN),
        ("POST", "/api/login-links", Work.SIGN_IN),
        ("GET", "/analytics", Work.QUERIES),
        ("GET", "/api/analytics/stats", Work.QUERIES),
        ("GET", "/images/00000000-0000-0000-0000-000000000000", Work.QUERIES),
    ],
)
def test_what_a_request_may_cost(app: Flask, method: str, path: str, work: Work) -> None:
    assert work_of(app, path, method) is work
