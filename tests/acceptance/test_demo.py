"""`make demo` as a newcomer meets it: ready, a login link that works, Ctrl-C, and the data still there the next time."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from stack.secrets import load_or_make
from tests.acceptance.conftest import free_ports
from tests.support.paths import ROOT

READY_WITHIN_S = 100.0


class Demo:
    """A running `python -m stack demo` with a small history."""

    def __init__(self, data: Path, ports: dict[str, str]) -> None:
        self.ports = ports
        self.data = data / "demo"
        self.output: list[str] = []
        small = {"PEOPLE": "5", "HISTORY_PEOPLE": "6", "HISTORY_DAYS": "3", "DATA": str(data)}
        environment = os.environ | ports | {f"CHATTRAIL_STACK_{name}": value for name, value in small.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stack", "demo"],
            cwd=ROOT,
            env=environment | {"COLUMNS": "200"},
            umask=0o022,  # as most systems have it
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.output.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def text(self) -> str:
        return "".join(self.output)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the output matches."""
        with self._changed:
            self._changed.wait_for(
                lambda: re.search(pattern, self.text, re.M) or not self._reader.is_alive(), READY_WITHIN_S
            )
        found = re.search(pattern, self.text, re.M)
        assert found, self.text
        return found

    def login_link(self) -> str:
        """Wait for the ready line; the link in it."""
        return self.wait_for(r"^Ready after .*Open (http\S+)")[1]

    def family(self) -> list[psutil.Process]:
        """The launcher and everything below it."""
        launcher = psutil.Process(self._process.pid)
        return [launcher, *launcher.children(recursive=True)]

    def end(self) -> int:
        """Press Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and read the rest of its output; the exit code."""
        code = self._process.wait(30)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def users(self, at_least: int) -> dict[str, Any]:
        """Ask the JSON API for people until it knows so many: what was sent takes a moment through the collector."""
        deadline = time.monotonic() + READY_WITHIN_S
        while (answer := self._get("users?sort=messages&limit=200").json())["total"] < at_least:
            assert time.monotonic() < deadline, f"{answer['total']} people instead of {at_least}"
            time.sleep(0.1)  # between two looks at the condition above
        return dict(answer)

    def _get(self, path: str) -> httpx.Response:
        token = load_or_make(self.data / "secrets.json").api_token
        url = f"http://127.0.0.1:{self.ports['CHATTRAIL_WEB_PORT']}/api/analytics/{path}"
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def kill(self) -> None:
        for process in reversed(self.family() if psutil.pid_exists(self._process.pid) else []):
            process.kill()


def test_the_demo_from_first_start_to_second(tmp_path: Path) -> None:
    ports = free_ports()
    demo = Demo(tmp_path, ports)
    try:
        _sign_in(demo.login_link())
        demo.wait_for("^The history has arrived")
        before = demo.users(at_least=6)
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

    again = Demo(tmp_path, ports)
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


def _sign_in(link: str) -> None:
    """Use the link as a browser does: it shows a button, and works once."""
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        page = browser.get(link)
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert page.status_code == 200
        assert token
        origin = link.partition("/login")[0]
        home = browser.post(f"{origin}/login/link", data={"token": token[1]}, headers={"Origin": origin})
        assert home.status_code == 200
        assert home.url.path == "/analytics"
        used = httpx.post(f"{origin}/login/link", data={"token": token[1]}, headers={"Origin": origin}, timeout=20)
        assert used.status_code in (400, 401, 403, 410)


@pytest.mark.parametrize("variable", ["CHATTRAIL_EMBEDDED_PORT", "CHATTRAIL_WEB_PORT"])
def test_a_taken_port_is_named_with_its_variable(tmp_path: Path, variable: str) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        demo = Demo(tmp_path, ports)
        assert demo.wait() == 1
    assert f"Port {ports[variable]} for " in demo.text
    assert f"set {variable} to a free port" in demo.text


def test_run_without_a_token_says_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "CHATTRAIL_STACK_DATA": str(tmp_path), "COLUMNS": "200"}
    command = [sys.executable, "-m", "stack", "run"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "BOT_TOKEN is not set: get a token from @BotFather" in done.stdout


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
    given = {"CHATTRAIL_STACK_DATA": str(tmp_path), "COLUMNS": "200", "CLOUDFLARE": value, "BOT_TOKEN": "42:T"}
    words = [sys.executable, "-m", "stack", command]
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
