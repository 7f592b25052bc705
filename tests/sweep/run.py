"""Makes the calls against a real server and counts; `python -m tests.sweep.run` makes all and writes docs/embedded.md's table."""

import hashlib
import http.client
import itertools
import socket
import tempfile
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from sidecar.embedded.guard.names import REFUSED
from tests.embedded import ROOT, EmbeddedClickHouse, ask
from tests.sweep.calls import TEXT_CALLS, USERS, Call, Lists, Targets, all_calls
from tests.sweep.watch import watched

PAGE = ROOT / "docs" / "embedded.md"
MARKS = ("<!-- sweep -->\n", "<!-- end of sweep -->\n")
SECRET = "CANARY-9d1f"
BOUNDARY = "sweep"
ABREAST = 8


@dataclass
class Outcome:
    """What came of a sweep."""

    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    names: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    connections: int = 0
    lists: dict[str, int] = field(default_factory=dict)

    def table(self) -> str:
        """The counts as a table in Markdown."""
        lines = ["| list | names | user | calls | refused | ran and reached nothing |", "|---|---|---|---|---|---|"]
        for (kind, user), tried in self.tried.items():
            refused = self.refused[kind, user]
            names = len(self.names[kind, user])
            lines.append(f"| `system.{kind}` | {names} | `{user}` | {tried} | {refused} | {tried - refused} |")
        return "\n".join(lines) + "\n"


def sweep(folder: Path, *, sample: bool) -> Outcome:
    """Start a server and try what the engine lists as each user: all calls of all names, or a sample of them.

    Two canary files lie in `folder`: one outside the server's data folder, one inside beside its config and parts.
    """
    outcome = Outcome()
    with EmbeddedClickHouse(folder, MAX_CONCURRENT_QUERIES="8") as server, _Listener() as listener:
        outside, inside = folder / "outside", server.data / "canary.txt"
        outside.mkdir()
        secret = outside / "canary.txt"
        for path in (secret, inside):
            path.write_text(f"{SECRET}\n")
        before = {path: _state(path) for path in (secret, inside)}
        _prepare(server)
        lists = Lists.parse({name: _listed(server, sql) for name, sql in Lists.QUERIES.items()})
        to = Targets(str(secret), str(inside), inside.name, f"http://{listener.address}/x", listener.address)
        calls = all_calls(lists, to)
        for kind, _ in calls:
            outcome.lists[kind] = outcome.lists.get(kind, 0) + 1
        with watched(outside, secret, inside) as watch:
            for user in USERS:
                chosen = _sample(calls, user) if sample else itertools.chain.from_iterable(calls.values())
                _run(server, user, list(chosen), outcome)
            outcome.touched = watch.events()
        outcome.connections = listener.connections
        outcome.leaks += [f"{path} was changed" for path, state in before.items() if _state(path) != state]
        outcome.leaks += [f"{path} is new" for path in outside.iterdir() if path != secret]
        assert ask(server, "SELECT 1").text == "1\n"  # it still works
    return outcome


def _sample(calls: dict[tuple[str, str], list[Call]], user: str) -> Iterator[Call]:
    """One call of each name that is refused or takes a text, and of one in eight of the many others."""
    closed = frozenset[str]().union(*REFUSED.values())
    for at, ((kind, name), of_name) in enumerate(calls.items()):
        plain = (kind == "functions" and name not in closed) or (kind == "settings" and len(of_name) < TEXT_CALLS)
        if not plain or at % 8 == USERS.index(user):
            yield of_name[at % len(of_name)]


def _prepare(server: EmbeddedClickHouse) -> None:
    for sql in (
        "CREATE TABLE kept (a UInt64, b String) ENGINE = MergeTree ORDER BY a",
        "CREATE VIEW view AS SELECT 1 AS a",
    ):
        reply = ask(server, sql, database="chattrail")
        assert reply.status == 200, reply.text


def _listed(server: EmbeddedClickHouse, sql: str) -> str:
    return ask(server, sql, default_format="JSONCompactEachRow").text


def _run(server: EmbeddedClickHouse, user: str, calls: list[Call], outcome: Outcome) -> None:
    idle: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
    for _ in range(ABREAST):
        idle.put(http.client.HTTPConnection(server.host, server.port, timeout=60))

    def make(call: Call) -> tuple[int, bytes]:
        connection = idle.get()
        try:
            return _send(connection, server, user, call)
        finally:
            idle.put(connection)

    with ThreadPoolExecutor(ABREAST) as threads:
        for call, (status, body) in zip(calls, threads.map(make, calls), strict=True):
            key = (call.list, user)
            outcome.tried[key] += 1
            outcome.names.setdefault(key, set()).add(call.name)
            if status >= 400:
                outcome.refused[key] += 1
            if sum(outcome.tried.values()) % 2000 == 0:
                print(f"{sum(outcome.tried.values())} calls", flush=True)
            if SECRET.encode() in body:
                outcome.leaks.append(f"{user}: {call.list} {call.name}: {call.sql}")
    for _ in range(ABREAST):
        idle.get().close()


def _send(
    connection: http.client.HTTPConnection, server: EmbeddedClickHouse, user: str, call: Call
) -> tuple[int, bytes]:
    password = server.readonly_password if user == "readonly" else server.password
    headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password, **call.headers}
    query = {"database": "chattrail", "max_execution_time": "2", **call.query}
    body = call.sql.encode()
    if call.form:
        query["query"] = call.sql
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="t"; filename="t"\r\n\r\nx\r\n--{BOUNDARY}--\r\n'
        body = part.encode()
    connection.request("POST", f"/?{urllib.parse.urlencode(query)}", body, headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    except http.client.IncompleteRead as error:  # an error after the first piece: the server breaks off
        connection.close()
        return 500, error.partial


def _state(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mtime_ns, status.st_ino


class _Listener:
    """Counts connections to a free port of this machine."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._count, daemon=True)

    def _count(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            accepted.close()

    def __enter__(self) -> "_Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def main() -> None:
    """Make all calls, write the table."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = sweep(Path(folder), sample=False)
    print(outcome.table())
    print(f"canary files touched: {outcome.touched}, leaks: {outcome.leaks}, connections: {outcome.connections}")
    missed = [key for key, names in outcome.names.items() if len(names) != outcome.lists[key[0]]]
    if missed or outcome.touched or outcome.leaks or outcome.connections:
        raise SystemExit(f"something was reached, or names of {missed} were not tried")
    before, rest = PAGE.read_text().split(MARKS[0])
    PAGE.write_text(before + MARKS[0] + outcome.table() + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    main()
