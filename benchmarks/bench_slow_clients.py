"""How the dashboard answers while 500 clients hold connections, and how gunicorn's other workers would.

    python -m benchmarks.bench_slow_clients               # the dashboard
    python -m benchmarks.bench_slow_clients --candidates  # beside the workers of ADR 0024; needs gevent and a2wsgi, too

The second has a section of its own, which `make bench` leaves as it is.

Each server serves the same app on a free port of loopback. While the slow clients hold on, a health check and a static file
are asked for one after the other, on fresh connections, with three seconds' patience for each.
"""

import argparse
import contextlib
import http.client
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from flask import Flask, Response

from benchmarks.report import report
from tests.support.slow_clients import SILENT, Kind, SlowClients, half_a_body, half_a_head, no_reader
from tests.support.web_support import web_environment
from web import create_app
from web.auth.access import public
from web.server.run import Server
from web.settings import WebSettings

CLIENTS, ASKS, PATIENCE_S = 500, 20, 3.0
LARGE = 16 << 20  # more than the system takes for a client that does not read
KINDS = (SILENT, half_a_head(), half_a_body(), no_reader("/large"))
APP = "benchmarks.bench_slow_clients"
CANDIDATES = {
    "gthread, 8 threads (before)": ["-k", "gthread", "--threads", "8", f"{APP}:wsgi()"],
    "gevent": ["-k", "gevent", f"{APP}:wsgi()"],
    "asgi with a2wsgi": ["-k", "asgi", f"{APP}:asgi()"],
    "tornado (gunicorn's own)": ["-k", "tornado", f"{APP}:wsgi()"],
}
TITLE, TITLE_OF_ALL = "The dashboard beside slow clients", "Gunicorn's workers and the dashboard beside slow clients"
NEEDS = {"gevent": "gevent", "asgi with a2wsgi": "a2wsgi"}


def wsgi() -> Flask:
    """The dashboard with one more page, which is large."""
    app = create_app(WebSettings.load())

    @public
    def large() -> Response:
        return Response(bytes(65536) for _ in range(LARGE // 65536))

    app.add_url_rule("/large", view_func=large)
    return app


def asgi() -> Any:
    """The same for an ASGI server."""
    from a2wsgi import WSGIMiddleware  # type: ignore[import-not-found,unused-ignore]

    return WSGIMiddleware(wsgi())  # type: ignore[arg-type,unused-ignore]


class Ours(Server):
    """The dashboard's own server with that app."""

    def load(self) -> Flask:
        """Make the app of a worker."""
        return wsgi()


@contextlib.contextmanager
def running(command: list[str], **changes: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server as a process, once it answers; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        environment = os.environ | web_environment(Path(folder), port=str(port), **changes)
        words = [word.replace("PORT", str(port)) for word in command]
        process = subprocess.Popen([sys.executable, "-m", *words], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 60
            while not ask(url, "/healthz"):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(Path(folder, "log").read_text())
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                for child in psutil.Process(process.pid).children():
                    child.kill()
                process.kill()
                process.wait()


def ask(url: str, path: str) -> float | None:
    """Milliseconds until an answer was read; None when it took too long."""
    began = time.perf_counter()
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        answer.read()
        return (time.perf_counter() - began) * 1000 if answer.status == 200 else None
    except OSError:
        return None
    finally:
        client.close()


def measure(url: str, kind: Kind) -> list[object]:
    """Ask while the clients hold on; the cells of a row."""
    with SlowClients(url, [kind], CLIENTS) as slow:
        time.sleep(1.5)  # until what they take is taken
        health, files = [], []
        for _ in range(ASKS):
            health.append(ask(url, "/healthz"))
            files.append(ask(url, "/static/app.css"))
            if len(health) == 5 and not any(health):
                break  # it will not come back
        held = slow.open
    return [held, *cells(health), *cells(files)]


def cells(times: list[float | None]) -> tuple[str, str, str]:
    """How many were answered, the median and the longest time."""
    answered = [one for one in times if one is not None]
    if not answered:
        return f"0 of {len(times)}", "–", "–"
    return f"{len(answered)} of {len(times)}", f"{statistics.median(answered):.0f}", f"{max(answered):.0f}"


def rows_of(name: str, command: list[str], **changes: str) -> list[list[object]]:
    """The rows of one server, which is started anew for each kind of client."""
    rows: list[list[object]] = []
    for kind in KINDS:
        with running(command, **changes) as (url, process):
            before = memory(process)
            rows.append([name, kind.name, *measure(url, kind), f"{memory(process) - before:+.0f}"])
            print(*rows[-1], sep=" | ", flush=True)
    return rows


def memory(process: psutil.Process) -> float:
    """MB of the server and its workers."""
    return float(sum(one.memory_info().rss for one in (process, *process.children())) / 1e6)


def main() -> None:
    """Measure and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", action="store_true", help="other workers of gunicorn too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        Ours(WebSettings.load()).run()
        return
    missing = [package for package in NEEDS.values() if importlib.util.find_spec(package) is None]
    if options.candidates and missing:
        parser.error(f"--candidates needs {' and '.join(missing)}: .venv/bin/uv pip install {' '.join(missing)}")
    rows: list[list[object]] = []
    for name, words in CANDIDATES.items() if options.candidates else ():
        rows += rows_of(name, ["gunicorn", "-b", "127.0.0.1:PORT", "--timeout", "120", *words])
    ours = [APP, "--serve"]
    rows += rows_of("ours, every client let in", ours, connections_per_address="2000", connections="2000")
    rows += rows_of("ours", ours)
    report(
        TITLE_OF_ALL if options.candidates else TITLE,
        f"python -m {APP}{' --candidates' if options.candidates else ''}",
        [
            "server",
            f"{CLIENTS} clients with",
            "held on",
            "/healthz",
            "p50 ms",
            "max ms",
            "a file",
            "p50 ms",
            "max ms",
            "MB",
        ],
        rows,
        "A server is asked after each other for both, with three seconds' patience; given up after 5 without an answer. MB: the "
        f"process's growth. Load of the machine before: {os.getloadavg()[0]:.1f}.",
    )


if __name__ == "__main__":
    main()
