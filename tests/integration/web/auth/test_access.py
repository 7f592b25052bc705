"""Every route for every kind of visitor. A route that this table does not know fails it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER, SAME, sign_in, static_path
from web.auth import access

NOBODY_IMAGE = "/images/00000000-0000-0000-0000-000000000000"
NO_EVENT = "/analytics/users/42/events/00000000-0000-0000-0000-000000000000"

# route: (nobody, wrong token, token, login)
GET = {
    "/": (303, 303, 303, 303),
    "/analytics": (303, 303, 303, 200),
    "/analytics/funnel": (303, 303, 303, 200),
    "/analytics/retention": (303, 303, 303, 200),
    "/analytics/sources": (303, 303, 303, 200),
    "/analytics/users": (303, 303, 303, 200),
    "/analytics/api": (303, 303, 303, 200),
    "/analytics/search": (303, 303, 303, 200),
    "/analytics/live": (303, 303, 303, 200),
    "/analytics/filter": (303, 303, 303, 200),
    "/analytics/users/42": (303, 303, 303, 200),
    "/analytics/users/42/print": (303, 303, 303, 200),
    NO_EVENT: (303, 303, 303, 404),
    NOBODY_IMAGE: (303, 303, 303, 404),
    "/login": (200, 200, 200, 303),
    "/login/link": (410, 410, 410, 410),
    "/logout": (405, 405, 405, 405),
    "/healthz": (200, 200, 200, 200),
    static_path("app.css"): (200, 200, 200, 200),
    "/analytics/saved": (405, 405, 405, 405),
    "/analytics/alerts": (303, 303, 303, 200),
    "/api/analytics/alerts": (401, 401, 200, 200),
    "/api/openapi.json": (401, 401, 200, 200),
    "/api/analytics/stats": (401, 401, 200, 200),
    "/api/analytics/funnel": (401, 401, 200, 200),
    "/api/analytics/retention": (401, 401, 200, 200),
    "/api/analytics/sources": (401, 401, 200, 200),
    "/api/analytics/retention.csv": (401, 401, 200, 200),
    "/api/analytics/bots": (401, 401, 200, 200),
    "/api/analytics/users": (401, 401, 200, 200),
    "/api/analytics/search?q=a": (401, 401, 200, 200),
    "/api/analytics/users.csv": (401, 401, 200, 200),
    "/api/analytics/users.jsonl": (401, 401, 200, 200),
    "/api/analytics/users/42/events": (401, 401, 200, 200),
    "/api/analytics/users/42/events.jsonl": (401, 401, 200, 200),
    "/api/login-links": (405, 405, 405, 405),
    "/api/analytics/saved": (401, 401, 400, 400),  # without a kind
}
POST = {
    "/login": (401, 401, 401, 401),  # without a password in the form
    "/login/link": (410, 410, 410, 410),
    "/logout": (303, 303, 303, 303),
    "/analytics": (405, 405, 405, 405),
    "/api/analytics/stats": (405, 405, 405, 405),
    "/api/login-links": (401, 401, 201, 401),
    "/api/analytics/saved": (401, 401, 400, 401),
    "/analytics/saved": (303, 303, 303, 400),  # without a kind in the form
}
RULES = {  # the routes of the app and where the tables above have them
    "/": "/", "/analytics": "/analytics", "/analytics/users": "/analytics/users",
    "/analytics/filter": "/analytics/filter", "/api/analytics/saved": "/api/analytics/saved",
    "/analytics/sources": "/analytics/sources", "/api/analytics/sources": "/api/analytics/sources",
    "/analytics/saved": "/analytics/saved", "/analytics/search": "/analytics/search",
    "/analytics/alerts": "/analytics/alerts", "/api/analytics/alerts": "/api/analytics/alerts",
    "/analytics/live": "/analytics/live",
    "/analytics/funnel": "/analytics/funnel", "/analytics/retention": "/analytics/retention",
    "/api/analytics/retention": "/api/analytics/retention",
    "/api/analytics/funnel": "/api/analytics/funnel",
    "/api/analytics/retention.csv": "/api/analytics/retention.csv",
    "/analytics/api": "/analytics/api", "/api/openapi.json": "/api/openapi.json",
    "/analytics/users/<person:client_id>": "/analytics/users/42", "/images/<uuid:event_id>": NOBODY_IMAGE, "/login": "/login",
    "/login/link": "/login/link", "/logout": "/logout", "/healthz": "/healthz", "/static/<path:filename>": static_path("app.css"),
    "/api/analytics/stats": "/api/analytics/stats", "/api/analytics/bots": "/api/analytics/bots",
    "/api/analytics/users": "/api/analytics/users", "/api/analytics/search": "/api/analytics/search?q=a",
    "/api/analytics/users.csv": "/api/analytics/users.csv",
    "/api/analytics/users.jsonl": "/api/analytics/users.jsonl",
    "/analytics/users/<person:client_id>/print": "/analytics/users/42/print",
    "/analytics/users/<person:client_id>/events/<uuid:event_id>": NO_EVENT,
    "/api/analytics/users/<person:client_id>/events.jsonl": "/api/analytics/users/42/events.jsonl",
    "/api/analytics/users/<person:client_id>/events": "/api/analytics/users/42/events", "/api/login-links": "/api/login-links",
}  # fmt: skip


@pytest.fixture(scope="module")
def app(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("doors")) as stage:
        stage.send([event("user_message", "42", {"chattrail.message.text": "text-canary"})])
        yield stage.app()


def nobody(app: Flask) -> FlaskClient:
    return app.test_client()


def signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    sign_in(client, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    return client


VISITORS: list[tuple[str, Callable[[Flask], FlaskClient], dict[str, str]]] = [
    ("nobody", nobody, {}),
    ("wrong token", nobody, {"Authorization": "Bearer wrong"}),
    ("token", nobody, BEARER),
    ("login", signed_in, {}),
]


def test_the_table_has_every_route(app: Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules()} == set(RULES)
    for rule in app.url_map.iter_rules():
        for method, table in (("GET", GET), ("POST", POST)):
            if method in (rule.methods or ()):
                assert RULES[rule.rule] in table


@pytest.mark.parametrize("visitor", range(len(VISITORS)), ids=[name for name, _, _ in VISITORS])
@pytest.mark.parametrize(("method", "path"), [("GET", path) for path in GET] + [("POST", path) for path in POST])
def test_who_gets_what(app: Flask, method: str, path: str, visitor: int) -> None:
    _, enter, headers = VISITORS[visitor]
    expected = (GET if method == "GET" else POST)[path][visitor]
    address = {"REMOTE_ADDR": f"198.51.100.{visitor}"}
    with enter(app).open(path, method=method, headers={**SAME, **headers}, environ_base=address) as answer:
        assert answer.status_code == expected
        if expected in (303, 401, 405):
            assert b"text-canary" not in answer.data
        if path.startswith("/api/") and expected >= 400:
            assert answer.mimetype == "application/problem+json"
            assert answer.json is not None
            assert answer.json["status"] == expected
            assert answer.json["request_id"] == answer.headers["X-Request-Id"]
        if expected == 401 and path.startswith("/api/"):
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="chattrail"')


def test_what_people_wrote_is_shown_by_one_decision(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route about a person or a text, and no other one, asks it."""
    monkeypatch.setattr(access, "may_read_trails", lambda: False)
    client = signed_in(app)
    refused = set()
    for rule, path in RULES.items():
        with client.get(path) as answer:
            refused |= {rule} if answer.status_code == 403 else set()
    about_texts = ("client_id", "/images/", "/search", "/live")
    assert refused == {rule for rule in RULES if any(part in rule for part in about_texts)}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic Y3RfYS10b2tlbg==",
        "Token ct_a-token-of-the-tests",
        f"Bearer {'x' * 5000}",
        "bearer \xff",
        "Bearer ct_a-token-of-the-tests x",
    ],
)
def test_other_credentials_are_no_token(app: Flask, header: str) -> None:
    assert app.test_client().get("/api/analytics/stats", headers={"Authorization": header}).status_code == 401


def test_a_login_reads_but_does_not_change_through_the_api(app: Flask) -> None:
    client = signed_in(app)
    assert client.get("/api/analytics/users").status_code == 200
    assert client.head("/api/analytics/users").status_code == 200
    assert client.post("/api/login-links", headers=SAME).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert client.get("/api/analytics/users", headers=wrong).status_code == 401, "a wrong token is never made up for"
