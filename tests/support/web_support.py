"""The web app as the tests of several folders use it: settings with known secrets, a fake clock."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.browser.stack import Part
from tests.support.clock import FakeClock
from web import create_app
from web.auth.tokens import hash_token
from web.build import STATIC, build
from web.settings import WebSettings

PASSWORD = "correct horse battery"
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)  # cheap, for speed
TOKEN = "ct_a-token-of-the-tests"
SECRET_KEY = "k3y-of-the-tests-0123456789abcdefghij"
NOBODY_LISTENS = "http://readonly:pw-canary@127.0.0.1:9/chattrail"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SAME = {"Sec-Fetch-Site": "same-origin"}  # what a browser adds to a form of the page itself


def web_environment(data: Path, clickhouse_url: str = NOBODY_LISTENS, **changes: str) -> dict[str, str]:
    """The environment of a web process; `changes` are fields of WebSettings in lower case."""
    fields = {
        "port": "0",
        "clickhouse_url": clickhouse_url,
        "secret_key": SECRET_KEY,
        "password_hash": PASSWORD_HASH,
        "api_token_hashes": hash_token(TOKEN),
        "data": str(data),
        **changes,
    }
    return {f"CHATTRAIL_WEB_{name.upper()}": value for name, value in fields.items()}


@contextmanager
def running_web(data: Path, clickhouse_url: str = NOBODY_LISTENS, **changes: str) -> Iterator[Part]:
    """The web part as a process, ready when entered and ended afterwards."""
    part = Part("web", r"web is ready at (http://\S+)", web_environment(data, clickhouse_url, **changes))
    try:
        part.wait()
        yield part
    finally:
        part.stop()


def make_app(data: Path, clickhouse_url: str = NOBODY_LISTENS, clock: FakeClock | None = None, **changes: str) -> Flask:
    """The app in this process."""
    settings = WebSettings.load(web_environment(data, clickhouse_url, **changes))
    return create_app(settings, clock=clock.time) if clock else create_app(settings)


@cache
def static_path(name: str) -> str:
    """The address of a built file such as app.css, whose name holds its hash."""
    build()
    return f"/static/{json.loads((STATIC / 'manifest.json').read_text())[name]}"


def sign_in(client: FlaskClient, password: str = PASSWORD, **options: Any) -> TestResponse:
    """Send the login form as a browser would."""
    headers = {**SAME, **options.pop("headers", {})}
    return client.post("/login", data={"password": password, **options.pop("data", {})}, headers=headers, **options)
