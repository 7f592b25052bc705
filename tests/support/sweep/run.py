"""Makes the calls against a real server and counts; `make embedded-sweep` makes all and writes docs/embedded.md's table."""

import contextlib
import http.client
import itertools
import socket
import sys
import tempfile
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from sidecar.embedded.errors import Code
from sidecar.embedded.guard.names import NAMES, REFUSED
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.paths import ROOT
from tests.support.sweep.calls import TEXT_CALLS, USERS, Call, Lists, Targets, all_calls
from tests.support.sweep.canaries import SECRET, Canaries
from tests.support.sweep.privileges import GROUPS, WITHOUT_STATEMENT

PAGE = ROOT / "docs" / "embedded.md"
MARKS = ("<!-- sweep -->\n", "<!-- end of sweep -->\n")
BOUNDARY = "sweep"
ABREAST = 8
SETTING_CONSTRAINT_VIOLATION = 452


# How a call ended.
GUARD = "refused by the guard"
RIGHTS = "refused by the engine's rights"
ERROR = "other error"
RAN = "ran and reached nothing"
ENDINGS = (GUARD, RIGHTS, ERROR, RAN)
# Names that the guard refuses whatever they are called with.
CLOSED = frozenset[str]().union(*REFUSED.values())
OPEN_TABLE_FUNCTIONS = NAMES["table_functions"] | {
    "input",
    "viewIfPermitted",
}  # an error of its own, a syntax of its own

Calls = dict[tuple[str, str], list[Call]]


@dataclass
class Outcome:
    """What came of a sweep."""

    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    names: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    not_refused: list[str] = field(default_factory=list)  # calls of closed names that the guard let pass
    connections: int = 0
    lists: dict[str, int] = field(default_factory=dict)

    def add(self, user: str, call: Call, ending: str) -> None:
        """Count a call."""
        key = (call.list, user)
        self.tried[key] += 1
        self.names.setdefault(key, set()).add(call.name)
        self.ended[*key, ending] += 1
        if ending != GUARD and is_closed(call):
            self.not_refused.append(f"{user}: {call.sql}: {ending}")

    def table(self) -> str:
        """The counts as a table in Markdown."""
        lines = [f"| list | names | user | calls | {' | '.join(ENDINGS)} |", "|---" * (4 + len(ENDINGS)) + "|"]
        for (kind, user), tried in self.tried.items():
            ended = " | ".join(str(self.ended[kind, user, ending]) for ending in ENDINGS)
            lines.append(f"| `system.{kind}` | {len(self.names[kind, user])} | `{user}` | {tried} | {ended} |")
        groups = ", ".join(f"`{name}`" for name in GROUPS)
        without = ", ".join(f"`{name}`" for name in WITHOUT_STATEMENT)
        return "\n".join(lines) + (
            f"\n\nOnly granted, as they are groups of privileges: {groups}; as no statement needs them: {without}.\n"
        )


def everything(calls: Calls, _: str) -> Iterable[Call]:
    """All calls of all names."""
    return itertools.chain.from_iterable(calls.values())


def sample(calls: Calls, user: str) -> Iterator[Call]:
    """One call of each name that is closed or takes a text, and of one in sixteen of the many others."""
    shift, taken = USERS.index(user), Counter[tuple[str, int]]()
    for at, ((kind, name), of_name) in enumerate(calls.items()):
        plain = (kind == "functions" and name not in CLOSED) or (kind == "settings" and len(of_name) < TEXT_CALLS)
        if plain and at % 16 != shift:
            continue
        choice = of_name[1:] or of_name if kind == "privileges" else of_name  # rather than granting it
        # counted by itself: a step that depends on `at` would leave out calls for good
        yield choice[(taken[kind, len(choice)] + shift) % len(choice)]
        taken[kind, len(choice)] += 1


def is_closed(call: Call) -> bool:
    """Whether the guard must refuse a call for the name that it tries."""
    if call.list == "functions":
        return call.name in CLOSED
    return call.list == "table_functions" and call.name not in OPEN_TABLE_FUNCTIONS


def sweep(
    folder: Path,
    choose: Callable[[Calls, str], Iterable[Call]],
    *,
    users: Iterable[str] = USERS,
    without: str = "confinement",
) -> Outcome:
    """Start a server and try as each user what `choose` takes of the calls for all that the engine lists.

    `without` names what does not protect the server (tests/support/sweep/server.py). The operating system would refuse what a
    call reached in spite of the guard, and so hide it: without that, the guard is what is tested.
    """
    outcome = Outcome()
    program = (sys.executable, "-m", "tests.support.sweep.server", without)
    with EmbeddedClickHouse(folder, program=program, MAX_CONCURRENT_QUERIES="8") as server, _Listener() as listener:
        _prepare(server)
        lists = Lists.parse({name: _listed(server, sql) for name, sql in Lists.QUERIES.items()})
        canaries = Canaries(folder, server.data)
        files = str(canaries.outside), str(canaries.inside), canaries.working.name
        calls = all_calls(lists, Targets(*files, f"http://{listener.address}/x", listener.address))
        for kind, _ in calls:
            outcome.lists[kind] = outcome.lists.get(kind, 0) + 1
        with canaries.watched() as touched:
            for user in users:
                _run(server, user, list(choose(calls, user)), outcome)
        outcome.touched = touched
        outcome.connections = listener.connections
        assert ask(server, "SELECT 1").text == "1\n"  # it still works
    return outcome


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
    connections = [http.client.HTTPConnection(server.host, server.port, timeout=60) for _ in range(ABREAST)]
    for connection in connections:
        idle.put(connection)

    def make(call: Call) -> tuple[int, int, bytes]:
        connection = idle.get()
        try:
            return _send(connection, server, user, call)
        finally:
            idle.put(connection)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(ABREAST) as threads:
        for connection in connections:
            stack.callback(connection.close)
        for call, (status, code, body) in zip(calls, threads.map(make, calls), strict=True):
            outcome.add(user, call, _ending(status, code, body))
            if sum(outcome.tried.values()) % 2000 == 0:
                print(f"{sum(outcome.tried.values())} calls", flush=True)
            if SECRET.encode() in body:
                outcome.leaks.append(f"{user}: {call.list} {call.name}: {call.sql}")


def _send(
    connection: http.client.HTTPConnection, server: EmbeddedClickHouse, user: str, call: Call
) -> tuple[int, int, bytes]:
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
        return answer.status, int(answer.headers.get("X-ClickHouse-Exception-Code", "0")), answer.read()
    except http.client.IncompleteRead as error:  # an error after the first piece: the server breaks off
        connection.close()
        return 500, 0, error.partial


def _ending(status: int, code: int, body: bytes) -> str:
    if status < 400:
        return RAN
    if code == Code.ACCESS_DENIED:
        return RIGHTS if b"Not enough privileges" in body else GUARD
    if code == Code.READONLY:
        return GUARD if b": readonly: " in body else RIGHTS
    return RIGHTS if code == SETTING_CONSTRAINT_VIOLATION else ERROR


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
    """Make all calls without confinement, and a sample with it; write the table of the former."""
    for choose, without in ((sample, ""), (everything, "confinement")):
        with tempfile.TemporaryDirectory() as folder:
            outcome = sweep(Path(folder), choose, without=without)
        print(outcome.table())
        reached = outcome.touched + outcome.leaks + outcome.not_refused
        print(f"without {without or 'nothing'}: reached: {reached}, connections: {outcome.connections}", flush=True)
        if reached or outcome.connections:
            raise SystemExit("something was reached")
    if missed := [key for key, names in outcome.names.items() if len(names) != outcome.lists[key[0]]]:
        raise SystemExit(f"names of {missed} were not tried")
    before, rest = PAGE.read_text().split(MARKS[0])
    PAGE.write_text(before + MARKS[0] + outcome.table() + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    main()
