"""The launcher as its users meet it: a command in a terminal, what it prints, and how it ends."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from stack.secrets import load_or_make
from tests.support import collector_process
from tests.support.paths import ROOT

READY_WITHIN_S = 100.0
PORTS = (
    "EMBEDDED_PORT",
    "SIDECAR_PORT",
    "WEB_PORT",
    "SIMULATION_PORT",
    "STACK_CLOUDFLARE_PORT",
    "COLLECTOR_GRPC_PORT",
    "COLLECTOR_HTTP_PORT",
    "COLLECTOR_HEALTH_PORT",
    "COLLECTOR_METRICS_PORT",
)
# Runs a bot's file with the simulated Telegram in Telegram's place, and nothing else changed.
IN_SIMULATION = """
import runpy, sys
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
simulated = TelegramAPIServer.from_base(sys.argv[1])
for name in ("base", "file"):
    object.__setattr__(PRODUCTION, name, getattr(simulated, name))
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def free_ports() -> dict[str, str]:
    """Settings with a free port for every part."""
    ports = collector_process.free_ports(len(PORTS))  # which no connection takes meanwhile
    return {f"CHATTRAIL_{name}": str(port) for name, port in zip(PORTS, ports, strict=True)}


class Launched:
    """A running `python -m stack <command>`; the demo with a small history."""

    def __init__(self, command: str, data: Path, ports: dict[str, str], **environment: str) -> None:
        self.ports = ports
        self.data = data / command
        self.output: list[str] = []
        small = {
            "PEOPLE": "5",
            "HISTORY_PEOPLE": "6",
            "HISTORY_DAYS": "3",
            "DATA": str(data),
            "BUILD_COLLECTOR": "false",
        }
        settings = ports | {f"CHATTRAIL_STACK_{name}": value for name, value in small.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "stack", command],
            cwd=ROOT,
            env=os.environ | settings | {"COLUMNS": "200"} | environment,
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
    def pid(self) -> int:
        return self._process.pid

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

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, or send another signal; the exit code."""
        self._process.send_signal(number)
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
        while (answer := self.get("users?sort=messages&limit=200").json())["total"] < at_least:
            assert time.monotonic() < deadline, f"{answer['total']} people instead of {at_least}"
            time.sleep(0.1)  # between two looks at the condition above
        return dict(answer)

    def get(self, path: str) -> httpx.Response:
        """GET a path of the JSON API with the installation's token."""
        token = load_or_make(self.data / "secrets.json").api_token
        url = f"http://127.0.0.1:{self.ports['CHATTRAIL_WEB_PORT']}/api/analytics/{path}"
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def kill(self) -> None:
        """Kill what is left of it."""
        for process in reversed(self.family() if psutil.pid_exists(self._process.pid) else []):
            process.kill()


def ten_line_bot() -> str:
    """The bot of the README, word for word."""
    found = re.search(
        r"<!-- ten-line bot -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert found
    return found[1]


@contextmanager
def bot_process(code: str, folder: Path, telegram_url: str, token: str, endpoint: str) -> Iterator[None]:
    """A bot as its author starts it, but for whose Telegram it speaks to."""
    file = folder / "bot.py"
    file.write_text(code, encoding="utf-8")
    environment = os.environ | {"BOT_TOKEN": token, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    command = [sys.executable, "-c", IN_SIMULATION, telegram_url, str(file)]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output.decode()


def sign_in(link: str) -> None:
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
