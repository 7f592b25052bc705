"""What other ways to record an event cost the caller: PostHog's client, and an insert of one's own in a task."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import clickhouse_connect

from tests.support.embedded import EmbeddedClickHouse

POSTHOG = "posthog==7.91.1"
TAKES_ALL = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
TASKS, ROUNDS = 50, 20


@contextmanager
def posthog_capture(properties: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """PostHog's `capture`, installed for this run, sending to a server of another process that takes all."""
    with tempfile.TemporaryDirectory() as folder:
        install = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--target", folder, POSTHOG]
        subprocess.run(install, check=True)
        sys.path.append(folder)
        server = subprocess.Popen([sys.executable, "-c", TAKES_ALL], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        try:
            address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            client = import_module("posthog").Posthog("phc_benchmark", host=address, max_queue_size=8_192)
            yield lambda: client.capture("user_message", distinct_id="1001", properties=properties) and None
        finally:
            server.kill()
            server.communicate()
            sys.path.remove(folder)


def task_and_insert(row: list[Any]) -> list[float]:
    """What a task that inserts one event takes of the bot's loop, in µs of its thread; batches of TASKS at once."""

    async def measured(url: str) -> list[float]:
        client = await clickhouse_connect.get_async_client(dsn=url)
        names = [f"c{number}" for number in range(len(row))]
        columns = ", ".join(
            f"{name} {'String' if isinstance(value, str) else 'Int64'}" for name, value in zip(names, row, strict=True)
        )
        await client.command(f"CREATE TABLE own ({columns}) ENGINE = MergeTree ORDER BY tuple()")
        found = []
        for _ in range(ROUNDS + 1):
            before = time.thread_time_ns()
            await asyncio.gather(
                *(asyncio.create_task(client.insert("own", [row], column_names=names)) for _ in range(TASKS))
            )
            found.append((time.thread_time_ns() - before) / 1000 / TASKS)
        await client.close()
        return found[1:]

    with tempfile.TemporaryDirectory() as folder, EmbeddedClickHouse(Path(folder)) as clickhouse:
        return asyncio.run(measured(clickhouse.url))
