"""`make demo` as a newcomer meets it: ready, a login link that works, Ctrl-C, and the data still there the next time."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.launched import Launched, free_ports, sign_in
from tests.support.paths import ROOT


def test_the_demo_from_first_start_to_second(tmp_path: Path) -> None:
    ports = free_ports()
    demo = Launched("demo", tmp_path, ports)
    try:
        sign_in(demo.login_link())
        demo.wait_for("^The history has arrived")
        before = demo.users(at_least=6)
        assert [bot["username"] for bot in demo.get("bots").json()["bots"]] == ["persona_demo_bot"], (
            "the history is that bot's"
        )
        _database_asks_for_a_password(ports)
        family = demo.family()
        assert len(family) >= 6
        code = demo.end()
    finally:
        demo.kill()
    assert code == 0, demo.text
    assert "Had to be killed" not in demo.text
    assert not [process for process in family if process.is_running()], "something was left behind"
    assert re.search(r"Peak memory of the whole stack: \d+ MB", demo.text)
    written = [path for path in (demo.data, *demo.data.rglob("*")) if not path.is_symlink()]
    names = {path.name for path in demo.data.iterdir()}
    assert names >= {"bot", "clickhouse", "images", "logs", "secrets.json", "sidecar", "web"}
    assert not [path for path in written if path.stat().st_mode & 0o077], "others may read what the demo keeps"

    again = Launched("demo", tmp_path, ports)
    try:
        again.login_link()
        assert "days of history" not in again.text, "the history was sent twice"
        after = again.users(at_least=before["total"])
        assert {user["client_id"] for user in after["users"]} >= {user["client_id"] for user in before["users"]}
        assert again.end() == 0
    finally:
        again.kill()


def _database_asks_for_a_password(ports: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{ports['CHATTRAIL_EMBEDDED_PORT']}"
    for user in ("default", "readonly"):
        answer = httpx.post(address, content="SELECT 1", headers={"X-ClickHouse-User": user}, timeout=20)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (401, "194")


@pytest.mark.parametrize("variable", ["CHATTRAIL_EMBEDDED_PORT", "CHATTRAIL_WEB_PORT"])
def test_a_taken_port_is_named_with_its_variable(tmp_path: Path, variable: str) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        demo = Launched("demo", tmp_path, ports)
        assert demo.wait() == 1
    assert f"Port {ports[variable]} for " in demo.text
    assert f"(process {os.getpid()})" in demo.text
    assert f"set {variable} to a free port" in demo.text


def test_run_without_a_token_says_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "CHATTRAIL_STACK_DATA": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-m", "stack", "run"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "BOT_TOKEN is not set: get a token from @BotFather" in done.stdout
    assert "For a bot of your own there is `make up`" in done.stdout
    assert not list(tmp_path.iterdir())


def test_an_unknown_setting_names_the_nearest(tmp_path: Path) -> None:
    environment = {**os.environ, "CHATTRAIL_STACK_PEPLE": "3"}
    command = [sys.executable, "-m", "stack", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "CHATTRAIL_STACK_PEPLE: there is no such setting; did you mean CHATTRAIL_STACK_PEOPLE?" in done.stderr


@pytest.mark.parametrize(
    ("command", "value", "code", "said"),
    [
        ("demo", "xyz", 2, "CLOUDFLARE: Input should be 'fake'"),
        ("run", "fake", 1, "CLOUDFLARE=fake is for the demo"),
    ],
)
def test_a_simulated_cloudflare_is_for_the_demo(tmp_path: Path, command: str, value: str, code: int, said: str) -> None:
    given = {"CHATTRAIL_STACK_DATA": str(tmp_path), "COLUMNS": "200", "CLOUDFLARE": value, "BOT_TOKEN": "42:TEST"}
    words = [sys.executable, "-m", "stack", command]
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
