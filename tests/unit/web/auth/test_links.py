"""One-time links: a click, once, in time."""

import re
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.support.clock import FakeClock
from tests.support.web_support import BEARER, SAME, make_app, sign_in
from tests.unit.web.auth.support import is_in
from web.auth.database import AuthDatabase
from web.auth.links import link_open, make_link, spend_link


def make_login_link(client: FlaskClient, **body: object) -> str:
    answer = client.post("/api/login-links", json=body or None, headers=BEARER)
    assert answer.status_code == 201
    assert answer.json is not None
    (token,) = parse_qs(urlsplit(str(answer.json["url"])).query)["token"]
    return token


def test_a_link_asks_for_a_click_and_then_works_once(client: FlaskClient) -> None:
    token = make_login_link(client)
    for _ in range(3):  # previews
        page = client.get(f"/login/link?token={token}")
        assert page.status_code == 200
        assert token in page.text
    assert client.head(f"/login/link?token={token}").status_code == 200
    assert not is_in(client)
    answer = client.post("/login/link", data={"token": token}, headers=SAME)
    assert (answer.status_code, answer.location) == (303, "/analytics")
    assert is_in(client)
    assert client.post("/login/link", data={"token": token}, headers=SAME).status_code == 410
    assert client.get(f"/login/link?token={token}").status_code == 410


def test_a_link_ends_by_time(client: FlaskClient, clock: FakeClock) -> None:
    token = make_login_link(client, ttl_s=60)
    clock.advance(60)
    assert client.post("/login/link", data={"token": token}, headers=SAME).status_code == 410
    assert not is_in(client)


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "\x00", "%"])
def test_a_made_up_link_is_nothing(client: FlaskClient, token: str) -> None:
    make_login_link(client)
    assert client.post("/login/link", data={"token": token}, headers=SAME).status_code == 410
    assert not is_in(client)


def test_only_hashes_are_stored(client: FlaskClient, tmp_path: Path) -> None:
    token = make_login_link(client)
    sign_in(client)
    with client.session_transaction() as session:
        identity = session["id"]
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("auth.sqlite3*"))
    assert token.encode() not in stored
    assert identity.encode() not in stored
    assert (tmp_path / "auth.sqlite3").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (b'{"ttl_s": 601}', "ttl_s"),
        (b'{"ttl_s": 0}', "ttl_s"),
        (b'{"ttl_s": "60"}', "ttl_s"),
        (b'{"ttl_s": true}', "ttl_s"),
        (b'{"ttl_s": 60.5}', "ttl_s"),
        (b'{"ttl": 60}', "ttl"),
    ],
)
def test_a_bad_link_request_names_what_is_wrong(client: FlaskClient, body: bytes, parameter: str) -> None:
    answer = client.post("/api/login-links", data=body, headers=BEARER)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["parameter"] == parameter


def test_a_link_has_the_public_address(tmp_path: Path, clock: FakeClock) -> None:
    client = make_app(tmp_path, clock=clock, public_url="https://stats.example.org:8443").test_client()
    answer = client.post("/api/login-links", headers=BEARER)
    assert answer.json is not None
    assert re.fullmatch(r"https://stats\.example\.org:8443/login/link\?token=[\w-]{43}", answer.json["url"])
    assert answer.json["expires_at"] == "2026-03-01T12:10:00.000000Z"


def _spend(path: Path, token: str, barrier: object) -> bool:
    database = AuthDatabase(path, FakeClock().time)
    barrier.wait()  # type: ignore[attr-defined]
    return spend_link(database, token)


def test_a_link_is_spent_once_by_threads_and_processes(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "auth.sqlite3"
    database = AuthDatabase(path, clock.time)
    for _ in range(20):
        token, _ = make_link(database)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _, token=token: spend_link(database, token), range(8))) == 1
        assert not link_open(database, token)
    context = get_context("spawn")
    with context.Manager() as manager, context.Pool(2) as workers:
        for _ in range(10):
            token, _ = make_link(database)
            barrier = manager.Barrier(2)
            assert sum(workers.starmap(_spend, [(path, token, barrier)] * 2)) == 1
