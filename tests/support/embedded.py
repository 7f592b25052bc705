"""Embedded ClickHouse for tests: the real server, `python -m sidecar.embedded`, as a process on a free port.

    with EmbeddedClickHouse(tmp_path) as clickhouse:
        client = clickhouse_connect.get_client(dsn=clickhouse.url)

Starting takes about a second: share one over a session and give each test a database of its own (`fresh_database`).
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from types import MappingProxyType
from typing import Self

import clickhouse_connect

from tests.support.paths import ROOT

PROGRAM = (sys.executable, "-m", "sidecar.embedded")
READY_WITHIN_S = 60.0


class EmbeddedClickHouse:
    """One server. `settings` are extra fields of EmbeddedSettings, upper case: `MAX_CONCURRENT_QUERIES="2"`."""

    host = "127.0.0.1"

    def __init__(
        self, folder: Path, *, port: int = 0, program: Sequence[str] = PROGRAM, cwd: Path = ROOT, **settings: str
    ) -> None:
        self.data = Path(folder) / "clickhouse"
        self.password, self.readonly_password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.saving_password = secrets.token_urlsafe(24)
        self._program = program
        self._cwd = cwd
        self.port = port
        self.log: list[str] = []
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        """DSN of the user with full rights, database `chattrail`."""
        return self.dsn("chattrail")

    @property
    def readonly_url(self) -> str:
        """DSN of the read-only user, database `chattrail`."""
        return self.dsn("chattrail", readonly=True)

    @property
    def base_url(self) -> str:
        """Address without a user."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    def saving_dsn(self, database: str) -> str:
        """DSN of the user who may only save."""
        return f"http://saving:{self.saving_password}@{self.host}:{self.port}/{database}"

    def dsn(self, database: str, *, readonly: bool = False) -> str:
        """DSN with a database."""
        who = f"readonly:{self.readonly_password}" if readonly else f"default:{self.password}"
        return f"http://{who}@{self.host}:{self.port}/{database}"

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """A new database for one test; gives its name, drops it afterwards."""
        name = f"test_{uuid.uuid4().hex}"
        with clickhouse_connect.get_client(dsn=self.dsn("default"), autogenerate_session_id=False) as client:
            client.command(f"CREATE DATABASE {name} ENGINE = Atomic")
            yield name
            client.command(f"DROP DATABASE {name} SYNC")

    def environment(self) -> dict[str, str]:
        """What the process sees; no other CHATTRAIL_ name of the caller's reaches it."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
        given = {
            "HOST": self.host,
            "PORT": str(self.port),
            "DATA": str(self.data),
            "PASSWORD": self.password,
            "READONLY_PASSWORD": self.readonly_password,
            "SAVING_PASSWORD": self.saving_password,
            **self._settings,
        }
        return plain | {f"CHATTRAIL_EMBEDDED_{name}": value for name, value in given.items() if value}

    def start(self) -> Self:
        """Start and wait until /ping answers; create the database `chattrail`."""
        self.log = []
        self._process = subprocess.Popen(
            self._program,
            cwd=self._cwd,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("embedded ClickHouse did not start:\n" + "".join(self.log))
            time.sleep(0.02)  # between two looks at the condition above
        with clickhouse_connect.get_client(dsn=self.dsn("default"), autogenerate_session_id=False) as client:
            client.command("CREATE DATABASE IF NOT EXISTS chattrail ENGINE = Atomic")
        return self

    def stop(self, timeout: float = 15.0) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL, 15.0)

    def restart(self) -> Self:
        """Stop (if it still runs) and start again: same port, same data."""
        if self._process is not None:
            self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.log.append(line)
            if " is ready on http://" in line and self.port == 0:
                self.port = int(line.rsplit(":", 1)[1])

    def _ready(self) -> bool:
        if not any(" is ready on http://" in line for line in self.log) or self.port == 0:
            return False
        try:
            with urllib.request.urlopen(f"{self.base_url}/ping", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end(self, number: signal.Signals, timeout: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert self._reader is not None
            self._reader.join(5)
            assert process.stdout is not None
            process.stdout.close()
        return code


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def code(self) -> int:
        """ClickHouse's number of the error; 0 for none."""
        return int(self.headers.get("X-ClickHouse-Exception-Code", "0"))


def ask(
    server: EmbeddedClickHouse,
    sql: str | bytes | None,
    parameters: Mapping[str, str] = MappingProxyType({}),
    /,
    *,
    user: str = "default",
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    **query: str,
) -> Reply:
    """One plain HTTP request to a server; `parameters` and `query` go into the address, `sql` is the body."""
    passwords = {"readonly": server.readonly_password, "saving": server.saving_password}
    password = passwords.get(user, server.password)
    who = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    body = sql.encode() if isinstance(sql, str) else sql
    address = f"{server.base_url}/?{urllib.parse.urlencode({**parameters, **query})}"
    request = urllib.request.Request(address, data=body, headers={**who, **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())
