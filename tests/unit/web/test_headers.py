"""Nonsense in headers is the client's fault (400), never ours (500)."""

from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from tests.support.header_values import IMPOSSIBLE_DATES, headers
from tests.support.web_support import BEARER, make_app, static_path

ALIKE = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PAGES = (
    "/login",
    "/analytics",
    "/analytics/users",
    static_path("app.css"),
    "/healthz",
    "/nowhere",
    "/api/analytics/stats",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(tmp_path_factory.mktemp("data"), proxies="1")


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//["])
def test_an_origin_that_is_no_address_is_400(app: Flask, origin: str) -> None:
    for path in ("/login", "/logout", "/login/link"):
        answer = app.test_client().post(path, headers={"Origin": origin})
        assert answer.status_code == 400
        assert "Origin" in answer.text


def test_a_page_htmx_names_that_is_no_address_is_400(app: Flask) -> None:
    answer = app.test_client().get("/analytics", headers={"HX-Request": "true", "HX-Current-URL": "http://["})
    assert answer.status_code == 400
    assert "HX-Current-URL" in answer.text


@pytest.mark.parametrize("host", ["localhost:99999", "localhost:65536", "127.0.0.1:0", "[::1]:70000"])
def test_a_host_with_an_impossible_port_is_refused(tmp_path: Path, host: str) -> None:
    answer = make_app(tmp_path).test_client().get("/api/analytics/stats", headers={"Host": host, **BEARER})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["type"] == "urn:chattrail:problem:untrusted-host"


def test_a_next_that_is_no_address_leads_to_the_start(app: Flask) -> None:
    assert app.test_client().get("/login?next=//[").status_code == 200


@pytest.mark.parametrize("date", IMPOSSIBLE_DATES)
def test_a_date_that_cannot_be_is_no_condition(app: Flask, date: str) -> None:
    def sheet(**given: str) -> tuple[int, bytes]:
        with app.test_client().get(static_path("app.css"), headers=given) as answer:
            return answer.status_code, answer.data

    whole = sheet()
    assert sheet(**{"If-Unmodified-Since": date}) == whole
    assert sheet(**{"If-Modified-Since": date}) in (whole, (304, b""))
    assert sheet(**{"If-Range": date, "Range": "bytes=0-9"}) in (whole, (206, whole[1][:10]))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("origin", ["http://localhost", "null", "http://"])
def test_a_request_that_names_no_host_is_answered(app: Flask, method: str, origin: str) -> None:
    for path, status in (("/healthz", 200 if method == "GET" else 403), ("/login", 400)):
        environ = create_environ(path, method=method, headers={"Origin": origin})
        del environ["HTTP_HOST"]
        assert Response.from_app(app, environ).status_code == status


def test_json_without_end_is_400(app: Flask) -> None:
    answer = app.test_client().post("/api/login-links", data="[" * 60_000, headers=BEARER)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["parameter"] == "body"


@ALIKE
@given(given=headers, path=st.sampled_from(PAGES), method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]))
@example(given={"Origin": "http://["}, path="/login", method="POST")
def test_no_header_makes_it_fail(app: Flask, given: dict[str, str], path: str, method: str) -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{name}" in environ:
            environ[name] = environ.pop(f"HTTP_{name}")
    answer = app.test_client().open(path, method=method, environ_overrides={"HTTP_HX_REQUEST": "true", **environ})
    assert answer.status_code < 500
    answer.close()
