"""Who should not get in: web pages of other sites, names that are not this machine's, headers of arbitrary bytes."""

import base64
import re
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import clickhouse_connect
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from tests.support import tools
from tests.support.embedded import EmbeddedClickHouse, ask

ELSEWHERE = "elsewhere.example"


class Open(EmbeddedClickHouse):
    """A server without passwords."""

    def __init__(self, *args: object, **settings: str) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        self.password = self.readonly_password = ""

    def dsn(self, database: str, *, readonly: bool = False) -> str:
        return f"http://{'readonly' if readonly else 'default'}@{self.host}:{self.port}/{database}"


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with Open(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("locked")) as server:
        yield server


def raw(
    server: EmbeddedClickHouse,
    *lines: bytes,
    body: bytes = b"SELECT 1",
    path: bytes = b"/",
    method: bytes = b"POST",
    announced: int = 0,
) -> tuple[int, bytes]:
    """One request with these header lines; status and answer. More of its body may be announced than is sent."""
    length = b"Content-Length: %d" % (announced or len(body))
    head = b"\r\n".join([method + b" " + path + b" HTTP/1.1", *lines, length, b"Connection: close"])
    with socket.create_connection((server.host, server.port), 30) as connection:
        connection.sendall(head + b"\r\n\r\n" + body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize("user", ["default", "readonly"])
def test_without_a_password_only_names_of_loopback_are_answered(free: EmbeddedClickHouse, user: str) -> None:
    for name in ("localhost", f"127.0.0.1:{free.port}", f"[::1]:{free.port}"):
        assert ask(free, "SELECT 1", user=user, headers={"Host": name}).text == "1\n"
    for name in (f"{ELSEWHERE}:{free.port}", "0.0.0.0", "localhost.elsewhere.example"):
        reply = ask(free, "SELECT 1", user=user, headers={"Host": name})
        assert (reply.status, reply.code) == (403, 497)
        assert "Host" in reply.text
        assert "CHATTRAIL_EMBEDDED_PASSWORD" in reply.text


def test_with_a_password_any_name_is_answered_but_no_other_site(locked: EmbeddedClickHouse) -> None:
    assert ask(locked, "SELECT 1", headers={"Host": "clickhouse"}).text == "1\n"
    assert ask(locked, "SELECT 1", headers={"Origin": locked.base_url}).text == "1\n"
    for headers in ({"Origin": f"http://{ELSEWHERE}"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        reply = ask(locked, "SELECT 1", headers=headers)
        assert (reply.status, reply.code) == (403, 497)
        assert "another site" in reply.text


def test_one_user_without_a_password_is_enough_to_look_at_names(
    locked: EmbeddedClickHouse, free: EmbeddedClickHouse
) -> None:
    wrong = {"Host": ELSEWHERE, "X-ClickHouse-Key": "wrong"}
    assert ask(locked, "SELECT 1", user="readonly", headers=wrong).code == 516
    assert ask(free, "SELECT 1", user="readonly", headers={"Host": ELSEWHERE}).code == 497


def test_real_clients_get_in_without_a_password(free: EmbeddedClickHouse) -> None:
    with clickhouse_connect.get_client(dsn=free.dsn("default")) as client:
        assert client.command("SELECT 1") == 1
    with clickhouse_connect.get_client(host="localhost", port=free.port) as client:
        assert client.command("SELECT 1") == 1
    for address in (free.base_url, f"http://localhost:{free.port}"):
        said = subprocess.run(["curl", "-sS", "-d", "SELECT 1", address], capture_output=True, text=True, check=True)
        assert said.stdout == "1\n"


class Page(BaseHTTPRequestHandler):
    """An empty page of another site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

    def log_message(self, *_: object) -> None:
        pass


# What a page can make a browser send without asking the server first; {to} is the server, {table} names the attempt.
FROM_A_PAGE = {
    "fetch": "fetch('{to}/', {{method: 'POST', mode: 'no-cors', body: 'CREATE TABLE default.fetch (a Int8) ENGINE = Memory'}})",
    "address": "fetch('{to}/?query=CREATE+TABLE+default.address+(a+Int8)+ENGINE=Memory', {{method: 'POST', mode: 'no-cors'}})",
    "beacon": "navigator.sendBeacon('{to}/', 'CREATE TABLE default.beacon (a Int8) ENGINE = Memory')",
    "form": """{{
        const frame = Object.assign(document.createElement('iframe'), {{name: 'f' + Math.random()}});
        const form = Object.assign(document.createElement('form'), {{
            method: 'POST', target: frame.name, enctype: 'multipart/form-data', action: '{to}/'}});
        form.appendChild(Object.assign(document.createElement('input'),
            {{name: 'query', value: 'CREATE TABLE default.form (a Int8) ENGINE = Memory'}}));
        document.body.append(frame, form);
        form.submit(); }}""",
}


def test_a_page_in_a_real_browser_can_not_drive_a_server_without_passwords(free: EmbeddedClickHouse) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as site, sync_playwright() as playwright:
        threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=tools.chromium(),
            args=["--no-sandbox", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"],
        )
        elsewhere = browser.new_page()
        elsewhere.goto(f"http://{ELSEWHERE}:{site.server_address[1]}/")
        for to in (free.base_url, f"http://localhost:{free.port}"):
            for script in FROM_A_PAGE.values():
                with elsewhere.expect_response(lambda response, to=to: response.url.startswith(to)) as answered:  # type: ignore[misc]
                    elsewhere.evaluate(script.format(to=to))
                assert answered.value.status == 403
        rebound = browser.new_page()  # a name of theirs that points here: the page's own site is this server
        rebound.goto(f"http://{ELSEWHERE}:{free.port}/")
        said = rebound.evaluate("fetch('/', {method: 'POST', body: 'SELECT 1'}).then(answer => answer.text())")
        assert "497" in said
        own = browser.new_page()  # a page of this server may ask: the refusals above are not for browsers as such
        own.goto(f"{free.base_url}/")
        assert own.evaluate("fetch('/', {method: 'POST', body: 'SELECT 1'}).then(answer => answer.text())") == "1\n"
        browser.close()
        site.shutdown()
    names = ", ".join(f"'{name}'" for name in FROM_A_PAGE)
    assert ask(free, f"SELECT count() FROM system.tables WHERE name IN ({names})").text == "0\n"


LINE = st.binary(max_size=40).filter(lambda value: not re.search(rb"[\x00\r\n]", value))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINE, LINE, LINE)
@example(b"Basic \xc3\xa9", b"\xff", b"\xc3\xa9")
@example(b"Basic " + base64.b64encode(b"default:\xff"), b"default", b"\xff\xfe")
def test_headers_of_any_bytes_are_never_a_fault(
    locked: EmbeddedClickHouse, authorization: bytes, user: bytes, key: bytes
) -> None:
    host = b"Host: localhost"
    for lines in ([b"Authorization: " + authorization], [b"X-ClickHouse-User: " + user, b"X-ClickHouse-Key: " + key]):
        status, answer = raw(locked, host, *lines)
        assert status in (400, 401, 403), answer  # 400: no header at all by HTTP's own rules


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINE, LINE, LINE)
@example(b"\xff", b"default", b"null")
@example(b"\x7f", b"\x1b[2J", b"\xff")
def test_a_users_headers_of_any_bytes_are_never_a_fault(
    locked: EmbeddedClickHouse, database: bytes, output: bytes, origin: bytes
) -> None:
    basic = b"Authorization: Basic " + base64.b64encode(f"default:{locked.password}".encode())
    for line in (b"X-ClickHouse-Database: " + database, b"Origin: " + origin, b"Host: " + origin):
        lines = [basic, line] if line.startswith(b"Host") else [basic, b"Host: localhost", line]
        status, answer = raw(locked, *lines)
        assert status in (200, 400, 403, 404), answer
    status, answer = raw(locked, b"Host: localhost", basic, b"X-ClickHouse-Format: " + output)
    assert b"Code: 1002" not in answer, answer


def logged(server: EmbeddedClickHouse, query_id: str) -> str:
    """Wait for the line about a query."""
    deadline = time.monotonic() + 30
    while not (found := [line for line in server.log if f"query {query_id!r}" in line]):
        assert time.monotonic() < deadline, "".join(server.log)
        time.sleep(0.01)
    return found[0]


@pytest.mark.parametrize(
    "query_id", ["x\nERROR forged", "x\r\nSet-Cookie: a=b", "\x1b[2J", "\u2028", "\u202egro", "x" * 257, "\x00"]
)
def test_a_query_id_that_could_forge_a_line_is_refused(locked: EmbeddedClickHouse, query_id: str) -> None:
    reply = ask(locked, "SELECT 1", query_id=query_id)
    assert (reply.status, reply.code) == (400, 36)
    assert "query_id" in reply.text
    assert "Set-Cookie" not in reply.headers
    own = reply.headers["X-ClickHouse-Query-Id"]
    assert str(uuid.UUID(own)) == own
    assert logged(locked, own).rstrip().partition(f"query '{own}': error 36 after")[1]
    assert "forged" not in "".join(locked.log)
    assert all(letter.isprintable() or letter == "\n" for letter in "".join(locked.log))


def test_a_query_id_that_looks_like_a_log_line_stays_in_its_quotes(locked: EmbeddedClickHouse) -> None:
    query_id = "naïve ☂ 'id': error 0"
    assert ask(locked, "SELECT nothing", query_id=query_id).code == 47
    assert f"query {query_id!r}: error 47 after" in logged(locked, query_id)
