"""The real stack that the browser tests look at: embedded ClickHouse, sidecar and web, as processes on free ports."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from argon2 import PasswordHasher

from chattrail.events import Event
from chattrail.export.pipeline import create_tracker
from chattrail.tracker import Tracker
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT

PASSWORD = "correct horse battery"
READY_WITHIN_S = 60.0
# figures come before people, and people are the last of what is computed
SETTLED = """
SELECT (SELECT count() FROM events FINAL) = (SELECT sum(events) FROM figures FINAL WHERE grain = 'slot')
    AND (SELECT count() FROM events FINAL WHERE user_id != '') = (SELECT sum(events) FROM people FINAL WHERE of_all)
"""


class Part:
    """One process of ours: started with its own settings, ready when a line of its output matches."""

    def __init__(
        self,
        module: str,
        ready: str,
        environment: Mapping[str, str],
        *arguments: str,
        python: str = sys.executable,
        cwd: Path = ROOT,
    ) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("CHATTRAIL_", "OTEL_"))}
        self.module = module
        self.output: list[str] = []
        self._ready, self._found = re.compile(ready), threading.Event()
        self.url = ""
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=cwd,
            env=plain | {"PYTHONUNBUFFERED": "1"} | dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> str:
        """Wait until it is ready; its address."""
        if not self._found.wait(READY_WITHIN_S) or not self.url:
            self.stop()
            raise RuntimeError(f"{self.module} did not become ready:\n{''.join(self.output)}")
        return self.url

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for who does not listen."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            if found := self._ready.search(line):
                self.url = found[1]
                self._found.set()
        self._found.set()  # it ended: nobody needs to wait longer


@dataclass(frozen=True)
class Stack:
    """Addresses of a running stack."""

    clickhouse: EmbeddedClickHouse
    sidecar_url: str
    web_url: str

    def tracker(self, service: str = "browser-test-bot") -> Tracker:
        """A tracker that sends to this stack's sidecar and loses nothing."""
        return create_tracker(service, endpoint=self.sidecar_url, when_full="wait")

    def send(self, *events: tuple[Event, Mapping[str, object]]) -> None:
        """Track events, each with the arguments of `track`, and wait until they are stored."""
        tracker = self.tracker()
        for event, place in events:
            tracker.track(event, **place)  # type: ignore[arg-type]
        self.finish(tracker)

    def finish(self, tracker: Tracker) -> None:
        """Send everything and wait until lists and figures, which follow the events by up to a second, have it, too."""
        assert tracker.flush(60)
        counts = tracker.counts()
        tracker.shutdown()
        assert counts.exported == counts.emitted, counts
        with clickhouse_connect.get_client(dsn=self.clickhouse.url, autogenerate_session_id=False) as client:
            wait_until(lambda: client.query(SETTLED).result_rows == [(1,)])


@contextlib.contextmanager
def running_stack(folder: Path, timezone: str = "Europe/Berlin") -> Iterator[Stack]:
    """Start the three, in order; end them in the opposite one."""
    with contextlib.ExitStack() as stack:
        clickhouse = stack.enter_context(EmbeddedClickHouse(folder))
        sidecar = Part(
            "sidecar",
            r"sidecar is ready: POST (http://\S+)/v1/logs",
            {
                "CHATTRAIL_SIDECAR_PORT": "0",
                "CHATTRAIL_SIDECAR_DATA": str(folder / "sidecar"),
                "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": clickhouse.url,
                "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(folder / "images"),
                "CHATTRAIL_SIDECAR_CLICKHOUSE_ROLLUP_INTERVAL_S": "0.05",  # tests wait for the figures
            },
        )
        stack.callback(sidecar.stop)
        sidecar_url = sidecar.wait()
        settings = web_environment(folder, clickhouse.readonly_url, timezone)
        settings["CHATTRAIL_WEB_SAVING_URL"] = clickhouse.saving_dsn("chattrail")
        web = Part("web", r"web is ready at (http://\S+)", settings)
        stack.callback(web.stop)
        yield Stack(clickhouse, sidecar_url, web.wait())


def web_environment(folder: Path, clickhouse_url: str, timezone: str = "Europe/Berlin") -> dict[str, str]:
    """Settings of a web process that reads a database and lets PASSWORD in."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
    return {
        "CHATTRAIL_WEB_PORT": "0",
        "CHATTRAIL_WEB_CLICKHOUSE_URL": clickhouse_url,
        "CHATTRAIL_WEB_SECRET_KEY": "browser tests: 0123456789 abcdefghijkl",
        "CHATTRAIL_WEB_PASSWORD_HASH": cheap.hash(PASSWORD),
        "CHATTRAIL_WEB_DATA": str(folder / "web"),
        "CHATTRAIL_WEB_IMAGES_DIRECTORY": str(folder / "images"),
        "CHATTRAIL_WEB_TIMEZONE": timezone,
    }


def wait_until(condition: Callable[[], object], within_s: float = 120.0) -> None:
    """Look at a condition until it holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {within_s} s"
        time.sleep(0.05)  # between two looks
