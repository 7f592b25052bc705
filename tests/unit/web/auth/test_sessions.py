"""Passwords and the sessions they open, and how those end."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.clock import FakeClock
from tests.support.web_support import SAME, make_app, sign_in
from tests.unit.web.auth.support import is_in
from web import SIGN_IN_FILE
from web.auth.database import AuthDatabase
from web.auth.links import make_link
from web.auth.passwords import hash_password


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


def test_logout_ends_a_copied_cookie_too(client: FlaskClient, tmp_path: Path, clock: FakeClock) -> None:
    sign_in(client)
    copied = client.get_cookie("chattrail")
    assert copied is not None
    assert client.post("/logout", headers=SAME).location == "/login"
    assert not is_in(client)
    thief = make_app(tmp_path, clock=clock).test_client()
    thief.set_cookie("chattrail", copied.value)
    assert not is_in(thief)


@pytest.mark.parametrize("by_link", [False, True])
def test_a_login_ends_the_one_this_browser_had_and_no_others(
    client: FlaskClient, tmp_path: Path, clock: FakeClock, by_link: bool
) -> None:
    other_device = make_app(tmp_path, clock=clock).test_client()
    sign_in(other_device)
    sign_in(client)
    copied = client.get_cookie("chattrail")
    assert copied is not None
    if by_link:
        token = make_link(AuthDatabase(tmp_path / SIGN_IN_FILE, clock.time))[0]
        assert client.post("/login/link", data={"token": token}, headers=SAME).status_code == 303
    else:
        assert sign_in(client).status_code == 303
    thief = make_app(tmp_path, clock=clock).test_client()
    thief.set_cookie("chattrail", copied.value)
    assert not is_in(thief)
    assert is_in(client)
    assert is_in(other_device)
    assert sign_in(client, "wrong").status_code == 401
    assert is_in(client), "a login that failed ends nothing"


def test_a_login_ends_by_time_and_by_a_new_password(client: FlaskClient, tmp_path: Path, clock: FakeClock) -> None:
    sign_in(client)
    cookie = client.get_cookie("chattrail")
    assert cookie is not None
    changed = make_app(tmp_path, clock=clock, password_hash=hash_password("another password")).test_client()
    changed.set_cookie("chattrail", cookie.value)
    assert not is_in(changed)
    clock.advance(168 * 3600 - 1)
    assert is_in(client)
    clock.advance(2)
    assert not is_in(client)


@pytest.mark.parametrize("cookie", ["", "x", "eyJpZCI6IngifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb", "\xff"])
def test_a_made_up_cookie_is_nothing(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("chattrail", cookie)
    assert not is_in(client)
