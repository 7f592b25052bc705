"""What guards every answer: hosts, origins, headers, redirects, and errors that tell nothing they should not."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.web_support import BEARER, PASSWORD, TOKEN, make_app, sign_in, static_path
from web.auth.access import safe_next


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return make_app(tmp_path)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/login", 200),
        ("/login/link?token=no", 410),
        ("/analytics", 303),
        ("/healthz", 200),
        ("/nowhere", 404),
        ("/api/nowhere", 404),
        ("/api/analytics/stats", 401),
        (static_path("app.css"), 200),
        ("/static/../web/settings.py", 404),
        ("/static/%2e%2e/settings.py", 404),
    ],
)
def test_headers_stand_on_every_answer(client: FlaskClient, path: str, status: int) -> None:
    with client.get(path) as answer:
        assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Permissions-Policy" in answer.headers
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    stays = path == static_path("app.css")  # another build has another address
    assert answer.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if stays else "no-store")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "127.0.0.2:8000", "localhost", "[::1]:8000", "stats.example.org", "STATS.example.ORG"]
)
def test_own_hosts_are_served(tmp_path: Path, host: str) -> None:
    app = make_app(tmp_path, public_url="http://stats.example.org")
    assert app.test_client().get("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "stats.example.org.evil", "a@127.0.0.1", "", "127.0.0.1:x", "[::1"],
)
def test_other_hosts_are_refused(client: FlaskClient, host: str) -> None:
    answer = client.get("/api/analytics/stats", headers={"Host": host, **BEARER})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:untrusted-host"
    assert "CHATTRAIL_WEB_PUBLIC_URL" in answer.json["detail"]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, True),  # no browser: curl sends neither
    ],
)
def test_unsafe_requests_of_other_sites_are_refused(
    client: FlaskClient, headers: dict[str, str], allowed: bool
) -> None:
    answer = client.post("/login", data={"password": PASSWORD}, headers=headers)
    assert answer.status_code == (303 if allowed else 403)
    assert ("Set-Cookie" in answer.headers) == allowed


def test_plain_http_in_a_network_lets_browsers_say_their_origin(tmp_path: Path) -> None:
    def policy(url: str) -> str:
        app = make_app(tmp_path, public_url=url)
        return app.test_client().get("/healthz", headers={"Host": "localhost"}).headers["Referrer-Policy"]

    assert policy("http://stats.lan:8000") == "same-origin"
    assert policy("https://stats.example.org") == "no-referrer"
    assert policy("http://localhost:8000") == "no-referrer"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)", "/\t/evil.example",
        "///evil.example", "http:evil.example", "", None, "evil", "/login?next=/login", "/logout", "/api/analytics/users",
        "/\r\nLocation: https://evil.example",
    ],
)  # fmt: skip
def test_a_login_never_leads_elsewhere(client: FlaskClient, target: str | None) -> None:
    assert safe_next(target) == "/analytics"
    answer = sign_in(client, data={"next": target or ""})
    assert answer.location == "/analytics"


def test_a_login_leads_back_to_the_page_asked_for(client: FlaskClient) -> None:
    refused = client.get("/analytics/users?sort=name&q=%D0%B0")
    assert refused.status_code == 303
    assert refused.location == "/login?next=%2Fanalytics%2Fusers%3Fsort%3Dname%26q%3D%25D0%25B0"
    assert sign_in(client, data={"next": "/analytics/users?sort=name&q=%D0%B0"}).location.endswith(
        "?sort=name&q=%D0%B0"
    )


def test_htmx_is_told_to_load_the_login_page(client: FlaskClient) -> None:
    answer = client.get(
        "/analytics/users?page=2",
        headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/analytics?range=30d"},
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=%2Fanalytics%3Frange%3D30d"


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.delete("/api/analytics/stats", headers=BEARER)
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"
    assert "GET" in answer.headers["Allow"]


def test_clickhouse_down_is_503_with_a_reason_and_no_secret(client: FlaskClient) -> None:
    answer = client.get("/api/analytics/stats", headers=BEARER)
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json is not None
    assert answer.json["detail"] == "ClickHouse does not answer at 127.0.0.1:9 (CHATTRAIL_WEB_CLICKHOUSE_URL)."
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    sign_in(client)
    page = client.get("/analytics")
    assert page.status_code == 503
    assert page.headers["X-Request-Id"] in page.text
    for text in (answer.text, page.text):
        assert "pw-canary" not in text
        assert "Traceback" not in text


def test_an_unforeseen_failure_tells_only_its_request_id(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> str:
        raise RuntimeError("text-canary")

    fail.access = "public"  # type: ignore[attr-defined]
    app.add_url_rule("/api/fail", view_func=fail)
    answer = app.test_client().get("/api/fail?q=query-canary")
    assert answer.status_code == 500
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:internal-server-error"
    assert "canary" not in answer.text
    assert "canary" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert answer.headers["X-Request-Id"] in caplog.text


def test_an_error_page_shows_even_when_its_template_fails(app: Flask) -> None:
    app.jinja_env.globals["signed_in"] = None
    app.jinja_env.from_string("")
    app.jinja_loader = None  # as if the templates were not there
    app.jinja_env.loader = None
    answer = app.test_client().get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["X-Request-Id"] in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_access_log_keeps_no_token_and_no_search(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.get("/login/link?token=link-canary")
    client.post("/login", data={"password": "password-canary"})
    client.get("/api/analytics/users?q=search-canary", headers=BEARER)
    client.get("/a%0d%0aforged-line")
    assert "GET /login/link 410" in caplog.text
    assert "canary" not in caplog.text
    assert TOKEN not in caplog.text
    assert "\nforged-line" not in caplog.text.replace("\r", "")


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/login-links", data=b" " * 70_000, headers=BEARER, content_type="application/json")
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_a_broken_sign_in_database_is_503_with_the_setting_to_look_at(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "auth.sqlite3").write_bytes(b"no database at all" * 100)
    answer = client.post("/api/login-links", headers=BEARER)
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:sign-in-unavailable"
    assert "CHATTRAIL_WEB_DATA" in answer.json["detail"]
    page = sign_in(client)
    assert page.status_code == 503
    assert "Set-Cookie" not in page.headers


def test_a_probe_may_ask_by_any_address(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"Host": "10.1.2.3:8000"}).status_code == 200
