"""What a request gets for which there is no thread."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.support.web_support import PASSWORD, SAME, make_app, sign_in
from web.auth.access import REFUSED, RequestCost, request_cost


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


def refused(app: Flask, method: str, path: str, signed_in: bool, **options: Any) -> str:
    with app.test_client() as client:
        if signed_in:
            sign_in(client)
        options["headers"] = {**SAME, **options.get("headers", {})}
        answer = client.open(path, method=method, environ_overrides={REFUSED: True}, **options)
    assert answer.status_code == 503
    assert answer.text.count("<h1") == 1
    assert 'role="alert"' not in answer.text  # its request id changes; it would be read again and again
    assert "#database" not in answer.text
    return answer.text


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_page_that_is_asked_for_again(app: Flask, headers: dict[str, str]) -> None:
    page = refused(app, "GET", "/analytics/users?sort=name", True, headers=headers)
    assert 'hx-get="/analytics/users?sort=name"' in page
    assert "tries again by itself" in page
    assert "Not updating" in page
    assert 'href="/analytics/users?sort=name"' in page
    assert 'href="/analytics/users?sort=name&amp;lang=ru"' in page


def test_nothing_asks_again_for_who_is_not_signed_in(app: Flask) -> None:
    page = refused(app, "GET", "/analytics/users?sort=name", False)
    assert "hx-get" not in page
    assert "by itself" not in page
    assert "<title>The dashboard is busy" in page
    assert 'href="/analytics/users?sort=name"' in page


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize(
    ("path", "form", "again"),
    [
        ("/login", {"password": PASSWORD, "next": "/analytics/users?q=a"}, '"/login?next=/analytics/users?q%3Da"'),
        ("/login", {"password": PASSWORD, "next": "//elsewhere"}, '"/login?next=/analytics"'),
        ("/login", {"password": "x" * 100_000}, '"/login?next=/analytics"'),
        ("/login/link", {"token": "a-token"}, '"/login/link?token=a-token"'),
        ("/logout", {}, 'action="/logout"><button class="button'),
    ],
)
def test_a_form_that_was_refused_can_be_sent_again(
    app: Flask, path: str, form: dict[str, str], again: str, signed_in: bool
) -> None:
    page = refused(app, "POST", path, signed_in, data=form)
    assert again in page
    assert PASSWORD not in page
    assert "hx-get" not in page  # there is nothing to GET at /logout
    assert "by itself" not in page
    assert not signed_in or 'href="/analytics?lang=ru"' in page


def test_a_russian_reader_reads_russian(app: Flask) -> None:
    page = refused(app, "GET", "/analytics?lang=ru", True)
    assert "Попробуйте снова через несколько секунд" in page
    assert 'lang="en">' not in page.partition("<main")[2]


def test_a_problem_for_programs(app: Flask) -> None:
    answer = app.test_client().get("/api/analytics/stats", environ_overrides={REFUSED: True})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:busy"


@pytest.mark.parametrize(
    ("method", "path", "cost"),
    [
        ("GET", "/healthz", RequestCost.LOW),
        ("GET", "/static/app.css", RequestCost.LOW),
        ("GET", "/login", RequestCost.LOW),
        ("GET", "/nowhere", RequestCost.LOW),
        ("DELETE", "/login", RequestCost.LOW),
        ("POST", "/login", RequestCost.SIGN_IN),
        ("POST", "/login/link", RequestCost.SIGN_IN),
        ("POST", "/api/login-links", RequestCost.SIGN_IN),
        ("GET", "/analytics", RequestCost.QUERIES),
        ("GET", "/api/analytics/stats", RequestCost.QUERIES),
        ("GET", "/images/00000000-0000-0000-0000-000000000000", RequestCost.QUERIES),
    ],
)
def test_what_a_request_may_cost(app: Flask, method: str, path: str, cost: RequestCost) -> None:
    assert request_cost(app, path, method) is cost
