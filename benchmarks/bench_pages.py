"""How long pages take and what they read, by the size of the store and the number of clients.

    python -m benchmarks.bench_pages [--events 1000000] [--clients 1,8,32] [--store FOLDER] [--label after]

Events of up to 100,000 people over the last 180 days are put into ClickHouse directly, marked as stale like any others and
counted by the sidecar's rollup. A store that was made before is used again: a later build brings it up to date first.
The answers are those of the JSON API, which come from the same queries as the pages. Queries, rows and bytes are what
ClickHouse counted for the first request of each page."""

import argparse
import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from clickhouse_connect.driver.client import Client as Driver

from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.sinks import sink_on
from tests.support.web_support import BEARER, make_app, running_web

STEP = 50_000  # events an insert
# Visits of eight events each.
EVENTS = """
INSERT INTO events (
    event_id, type, ts, ts_source, sequence, service_name, instance_id, user_id, session_id, username, user_name, language_code,
    persona_id, story_id, command, premium_action, amount, currency, model, input_tokens, output_tokens, duration_ms, attributes)
WITH
    intDiv(number, 8) AS visit,
    toUInt32(sipHash64(visit) % {people:UInt64}) AS person,
    number % 8 AS place,
    ['start_command', 'persona_selected', 'user_message', 'ai_message', 'command', 'image_generated', 'user_message',
     if(visit % 50 = 0, 'premium_action', if(visit % 7 = 0, 'bot_blocked', 'custom'))][1 + place] AS kind
SELECT
    generateUUIDv7(number), kind,
    toDateTime64({now:UInt32}, 9, 'UTC') - toIntervalSecond(intDiv((intDiv({events:UInt64}, 8) - 1 - visit) * 15552000,
        intDiv({events:UInt64}, 8))) - toIntervalSecond(8 - place),
    'event', number, 'bench', 'i', toString(1000000000 + person), toString(visit), 'name' || toString(person),
    'Name ' || toString(person), ['en', 'ru', 'de', 'fr', 'es', 'pt-br'][1 + person % 6],
    'p' || toString(person % 8), 's' || toString(person % 5), if(kind = 'command', 'help', ''),
    if(kind = 'premium_action', 'paid', ''), if(kind = 'premium_action', 50, 0), if(kind = 'premium_action', 'XTR', ''),
    'm', 100, 200, if(kind = 'ai_message', 400 + sipHash64(number) % 9000, 0),
    map('event.id', 'x', 'user.id', toString(1000000000 + person), 'telegram.bot.id', toString(42 + person % 2),
        'chattrail.persona.name', 'Persona ' || toString(person % 8),
        'chattrail.custom.name', if(kind = 'custom', 'quiz' || toString(visit % 5), ''),
        'chattrail.message.text', 'hello ' || toString(number))
FROM numbers({first:UInt64}, {step:UInt64})
"""
PERSON = 1_000_000_000  # the first id
USERS = "/api/analytics/users"
PAGES = {
    "statistics, 1 day": "/api/analytics/stats?from={today}",
    "statistics, 7 days": "/api/analytics/stats?range=7d",
    "statistics, 30 days": "/api/analytics/stats?range=30d",
    "statistics, 90 days": "/api/analytics/stats?range=90d",
    "statistics, all": "/api/analytics/stats?range=all",
    "statistics, 90 days of a bot": "/api/analytics/stats?range=90d&bot=42",
    "statistics, 90 days of a language": "/api/analytics/stats?range=90d&filter=language:de",
    "statistics, 90 days of who did X": "/api/analytics/stats?range=90d&filter=did:paid+in+30d",
    "retention, all": "/api/analytics/retention?range=all",
    "retention, 90 days by source": "/api/analytics/retention?range=90d&split=source",
    "funnel, 7 days": "/api/analytics/funnel?range=7d",
    "funnel, 30 days": "/api/analytics/funnel?range=30d",
    "sources, all": "/api/analytics/sources?range=all",
    "search, a rare word": "/api/analytics/search?q=777777",
    "search, a word of every message": "/api/analytics/search?q=hello",
    "users by last seen": USERS,
    "users by first seen": f"{USERS}?sort=first_seen",
    "users by name": f"{USERS}?sort=name",
    "users by messages": f"{USERS}?sort=messages",
    "users by sessions": f"{USERS}?sort=sessions",
    "users by stars": f"{USERS}?sort=stars",
    "users who paid": f"{USERS}?paid=1",
    "users who blocked": f"{USERS}?blocked=1",
    "users of a language": f"{USERS}?language=de",
    "users of an event": f"{USERS}?event=quiz3",
    "users of a search": f"{USERS}?q=name777",
    "users of a bot": f"{USERS}?bot=42",
    "trail, first page": f"{USERS}/{{person}}/events",
    "trail, a later page": f"{USERS}/{{person}}/events?cursor={{cursor}}",
}


@dataclass(frozen=True, slots=True)
class Read:
    """What ClickHouse read for a page."""

    queries: int
    rows: int
    bytes: int


@contextlib.contextmanager
def counted() -> Iterator[list[Mapping[str, Any]]]:
    """The summaries of the queries that this process asks meanwhile."""
    found: list[Mapping[str, Any]] = []
    ask = Driver.query

    def query(self: Driver, *args: Any, **options: Any) -> Any:
        answer = ask(self, *args, **options)
        found.append(answer.summary)
        return answer

    with patch.object(Driver, "query", query):
        yield found


def fill(clickhouse: EmbeddedClickHouse, folder: Path, events: int) -> None:
    """Make the store, or bring one of an earlier build up to date."""
    began = time.monotonic()
    with sink_on(clickhouse.url, "chattrail", "native", folder / "sink") as sink:
        print(f"ready after {time.monotonic() - began:.1f} s", flush=True)
        if not sink.one("SELECT count() FROM events"):
            asked = {"events": events, "people": people_of(events), "step": STEP, "now": int(time.time())}
            for first in range(0, events, STEP):
                sink.client.command(EVENTS, parameters=asked | {"first": first})
            print(f"stored after {time.monotonic() - began:.0f} s", flush=True)
        sink.settle()
        print(f"counted after {time.monotonic() - began:.0f} s", flush=True)
        assert sink.one("SELECT sum(events) FROM activity FINAL") == events


def people_of(events: int) -> int:
    """How many people the events are of."""
    return min(100_000, events // 100)


def addresses(get: Callable[[str], Any], events: int) -> dict[str, list[str]]:
    """The addresses of each page: trails are of several people."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    people = [str(PERSON + number * 37 % people_of(events)) for number in range(8)]
    found: dict[str, list[str]] = {}
    for name, address in PAGES.items():
        found[name] = []
        for person in people if "{person}" in address else people[:1]:
            first = f"{USERS}/{person}/events?limit=20" if "{cursor}" in address else ""
            cursor = get(first)["next_cursor"] if first else ""
            found[name].append(address.format(today=today, person=person, cursor=cursor) + ("&limit=20" * bool(cursor)))
    return found


def ask_all(base: str, paths: Sequence[str], clients: int, seconds: float) -> tuple[list[float], int]:
    """Let so many clients ask for a while: milliseconds of each answer, and how many were no 200."""
    until, lock = time.monotonic() + seconds, threading.Lock()
    took, errors = [], []

    def work(number: int) -> None:
        with httpx.Client(base_url=base, headers=BEARER, timeout=120) as client:
            turn = number
            while time.monotonic() < until or turn < number + 3:
                began = time.perf_counter()
                answer = client.get(paths[turn % len(paths)])
                with lock:
                    took.append((time.perf_counter() - began) * 1000)
                    errors.extend([answer.status_code] * (answer.status_code != 200))
                turn += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, len(errors)


def measure(
    clickhouse: EmbeddedClickHouse, folder: Path, events: int, clients: Sequence[int], seconds: float
) -> Iterator[Sequence[object]]:
    """A row of the table for each page."""
    app = make_app(folder / "counting", clickhouse.readonly_url)
    ask = app.test_client()

    def get(path: str) -> Any:
        answer = ask.get(path, headers=BEARER)
        assert answer.status_code == 200, answer.text
        return answer.json

    every = addresses(get, events)
    with running_web(folder / "web", clickhouse.readonly_url, connections_per_address="1000") as web:
        for name, paths in every.items():
            with counted() as queries:
                get(paths[-1])
            read = Read(
                len(queries), *(sum(int(each.get(of, 0)) for each in queries) for of in ("read_rows", "read_bytes"))
            )
            row: list[object] = [f"{events:,}", name, read.queries, f"{read.rows:,}", f"{read.bytes / 1e6:.1f}"]
            for number in clients:
                took, errors = ask_all(web.url, paths, number, seconds)
                ordered = sorted(took)
                row += [f"{statistics.median(took):.0f}", f"{ordered[int(len(ordered) * 0.95)]:.0f}"]
                row[-1] = f"{row[-1]} ({errors} errors)" if errors else row[-1]
            print(row, flush=True)
            yield row


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="how long each page is asked for by each number of clients"
    )
    parser.add_argument("--store", type=Path, help="keep the store here, and use the one that is there")
    parser.add_argument("--label", default="", help="put behind the title of the table")
    given, load = parser.parse_args(), os.getloadavg()[0]
    clients = [int(number) for number in given.clients.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        store = given.store or Path(scratch) / "store"
        with EmbeddedClickHouse(store) as clickhouse:
            fill(clickhouse, Path(scratch), given.events)
            rows = list(measure(clickhouse, Path(scratch), given.events, clients, given.seconds))
    header = ["events", "page", "queries", "rows read", "MB read"]
    header += [f"{number} client{'s' * (number > 1)}: {name}" for number in clients for name in ("median ms", "p95 ms")]
    notes = (
        f"Answers of the JSON API by one worker of the web part, {people_of(given.events):,} people, 180 days. "
        f"Load of the machine before: {load:.1f}."
    )
    title = f"Pages at {given.events:,} events" + (f", {given.label}" if given.label else "")
    report(title, f"python -m benchmarks.bench_pages --events {given.events}", header, rows, notes)


if __name__ == "__main__":
    main()
