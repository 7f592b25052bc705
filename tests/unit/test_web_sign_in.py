"""Signing in: password, limits, one-time links, sessions and their end."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.web_support import BEARER, Clock, make_app, sign_in
from web.auth.attempts import IN_ALL, PER_ADDRESS, WINDOW_S, begin_attempt, forgive_attempts
from web.auth.database import AuthDatabase
from web.auth.links import link_open, make_link, spend_link
from web.auth.passwords import hash_password

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[FlaskClient]:
    with make_app(tmp_path, clock=clock).test_client() as client:
        yield client


def is_in(client: FlaskClient) -> bool:
    """A signed-in person gets past the door: to the 503 of a ClickHouse that is not there."""
    return client.get("/api/analytics/stats").status_code == 503


def test_the_right_password_lets_in_with_a_careful_cookie(client: FlaskClient) -> None:
    assert not is_in(client)
    answer = sign_in(client)
    assert (answer.status_code, answer.location) == (303, "/analytics")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("chattrail=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Expires="):
        assert part in cookie
    assert "Secure" not in cookie
    assert is_in(client)


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    client = make_app(tmp_path, public_url="https://stats.example.org").test_client()
    answer = sign_in(client)
    assert answer.headers["Set-Cookie"].startswith("__Host-chattrail=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Domain" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize("password", ["", "wrong", "correct horse battery ", "x" * 5000, "\x00", "пароль"])
def test_a_wrong_password_does_not(client: FlaskClient, password: str) -> None:
    answer = sign_in(client, password)
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'name="password"' in answer.text
    assert not is_in(client)


def test_without_a_configured_password_none_is_right(tmp_path: Path) -> None:
    client = make_app(tmp_path, password_hash="").test_client()
    for password in ("", "None", "admin"):
        assert sign_in(client, password).status_code == 401
    assert 'name="password"' not in client.get("/login").text


def test_logout_ends_a_copied_cookie_too(client: FlaskClient, tmp_path: Path, clock: Clock) -> None:
    sign_in(client)
    copied = client.get_cookie("chattrail")
    assert copied is not None
    assert client.post("/logout", headers=SAME).location == "/login"
    assert not is_in(client)
    thief = make_app(tmp_path, clock=clock).test_client()
    thief.set_cookie("chattrail", copied.value)
    assert not is_in(thief)


def test_a_login_ends_by_time_and_by_a_new_password(client: FlaskClient, tmp_path: Path, clock: Clock) -> None:
    sign_in(client)
    cookie = client.get_cookie("chattrail")
    assert cookie is not None
    changed = make_app(tmp_path, clock=clock, password_hash=hash_password("another password")).test_client()
    changed.set_cookie("chattrail", cookie.value)
    assert not is_in(changed)
    clock.now += 168 * 3600 - 1
    assert is_in(client)
    clock.now += 2
    assert not is_in(client)


@pytest.mark.parametrize("cookie", ["", "x", "eyJpZCI6IngifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb", "\xff"])
def test_a_made_up_cookie_is_nothing(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("chattrail", cookie)
    assert not is_in(client)


def test_attempts_are_limited_by_address_with_a_time_to_come_back(client: FlaskClient, clock: Clock) -> None:
    for _ in range(PER_ADDRESS):
        assert sign_in(client, "wrong").status_code == 401
        clock.now += 10
    answer = sign_in(client)  # even the right one
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == WINDOW_S - 10 * PER_ADDRESS
    assert not is_in(client)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert sign_in(client, environ_base=elsewhere).status_code == 303
    clock.now += int(answer.headers["Retry-After"])
    assert sign_in(client).status_code == 303


def test_attempts_are_limited_in_all_and_outlive_the_process(tmp_path: Path, clock: Clock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock)
    assert [begin_attempt(database, f"192.0.2.{number}") for number in range(IN_ALL)] == [0] * IN_ALL
    restarted = AuthDatabase(tmp_path / "auth.sqlite3", clock)
    assert begin_attempt(restarted, "198.51.100.1") == WINDOW_S
    clock.now += WINDOW_S
    assert begin_attempt(restarted, "198.51.100.1") == 0


def test_one_subscriber_of_ipv6_is_one_address(tmp_path: Path, clock: Clock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock)
    waits = [begin_attempt(database, f"2001:db8:0:1::{number:x}") for number in range(PER_ADDRESS + 1)]
    assert waits[:-1] == [0] * PER_ADDRESS
    assert waits[-1] > 0
    assert begin_attempt(database, "2001:db8:0:2::1") == 0
    forgive_attempts(database, "2001:db8:0:1::ffff")
    assert begin_attempt(database, "2001:db8:0:1::1") == 0


def test_attempts_at_the_same_time_get_no_further(tmp_path: Path, clock: Clock) -> None:
    database = AuthDatabase(tmp_path / "auth.sqlite3", clock)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: begin_attempt(database, "192.0.2.1"), range(40)))
    assert waits.count(0) == PER_ADDRESS


def test_forwarded_addresses_are_believed_only_when_told(tmp_path: Path, clock: Clock) -> None:
    def statuses(data: Path, proxies: str) -> list[int]:
        client = make_app(data, clock=clock, proxies=proxies).test_client()
        return [
            sign_in(client, "wrong", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
            for number in range(PER_ADDRESS + 1)
        ]

    assert statuses(tmp_path / "direct", "0")[-1] == 429
    assert statuses(tmp_path / "proxied", "1")[-1] == 401


def make_login_link(client: FlaskClient, **body: object) -> str:
    answer = client.post("/api/login-links", json=body or None, headers=BEARER)
    assert answer.status_code == 201
    assert answer.json is not None
    (token,) = parse_qs(urlsplit(answer.json["url"]).query)["token"]
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


def test_a_link_ends_by_time(client: FlaskClient, clock: Clock) -> None:
    token = make_login_link(client, ttl_s=60)
    clock.now += 60
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


def test_a_link_has_the_public_address(tmp_path: Path, clock: Clock) -> None:
    client = make_app(tmp_path, clock=clock, public_url="https://stats.example.org:8443").test_client()
    answer = client.post("/api/login-links", headers=BEARER)
    assert answer.json is not None
    assert re.fullmatch(r"https://stats\.example\.org:8443/login/link\?token=[\w-]{43}", answer.json["url"])
    assert answer.json["expires_at"] == "2026-09-21T14:23:20.000000Z"


def _spend(path: Path, token: str, barrier: object) -> bool:
    database = AuthDatabase(path, Clock())
    barrier.wait()  # type: ignore[attr-defined]
    return spend_link(database, token)


def test_a_link_is_spent_once_by_threads_and_processes(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "auth.sqlite3"
    database = AuthDatabase(path, clock)
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
