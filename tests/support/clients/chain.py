"""The chain that a stranger's sender sends into: rotel and the collector in front of the sidecar, embedded ClickHouse behind it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from tests.support.clients.rotel import Rotel
from tests.support.collector_process import Collector, until
from tests.support.embedded import EmbeddedClickHouse
from tests.support.receivers import SidecarProcess
from tests.support.stored import COLUMNS, rebuild

COLLECTOR_TOKEN, SIDECAR_TOKEN = "of-the-collector", "of-the-sidecar"
TABLES = ("events", "logs")


@dataclass(frozen=True, slots=True)
class Door:
    """Where a sender sends to, and the token it needs there."""

    http: str
    grpc: str = ""
    token: str = ""

    def endpoint(self, protocol: str) -> str:
        return self.grpc if protocol == "grpc" else self.http


@dataclass(frozen=True, slots=True)
class Arrived:
    """Rows of one service as the messages that they were, each with its scope and resource."""

    events: list[ResourceLogs]
    logs: list[ResourceLogs]

    @property
    def rows(self) -> list[ResourceLogs]:
        return [*self.events, *self.logs]


@dataclass
class Chain:
    """Running parts: a door for each route, and what came out at the other end."""

    client: Client
    stack: contextlib.ExitStack
    doors: dict[str, Door]
    forwarders: Mapping[str, Callable[[], Rotel]]  # started when first asked for: without rotel, other routes remain
    rotels: list[Rotel] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)  # rows of each service that was waited for

    def door(self, route: str) -> Door:
        """Where to send to, for a route by its name. Starts rotel if that is what stands there."""
        if route not in self.doors:
            rotel = self.stack.enter_context(self.forwarders[route]())
            self.rotels.append(rotel)
            self.doors[route] = Door(rotel.http, rotel.grpc)
        return self.doors[route]

    def arrived(self, service: str, count: int) -> Arrived:
        """Wait for that many records of a service, and return each row there is of it, doubles too."""
        self.expected[service] = count
        until(lambda: self.count(service) >= count, f"{count} records of {service} in ClickHouse", 60)
        return Arrived(*([rebuild(row) for row in self._of(service, COLUMNS, table)] for table in TABLES))

    def count(self, service: str) -> int:
        """How many rows of a service there are."""
        return sum(int(row[0]) for table in TABLES for row in self._of(service, "count()", table))

    def image(self, event_id: object) -> tuple[Any, ...]:
        """Wait for what becomes of an event's image: its status, size and SHA-256."""
        query = "SELECT status, bytes, sha256 FROM images FINAL WHERE event_id = {id:UUID} AND status != 'pending'"
        until(lambda: bool(self.rows(query, id=event_id)), f"the image of {event_id}")
        return self.rows(query, id=event_id)[0]

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Ask ClickHouse."""
        return [tuple(row) for row in self.client.query(query, parameters=parameters).result_rows]

    def _of(self, service: str, columns: str, table: str) -> list[tuple[Any, ...]]:
        return self.rows(f"SELECT {columns} FROM {table} WHERE service_name = {{name:String}}", name=service)


def record_of(entry: ResourceLogs) -> LogRecord:
    """The one record of a rebuilt row."""
    record: LogRecord
    ((record,),) = [scope.log_records for scope in entry.scope_logs]
    return record


@contextlib.contextmanager
def running_chain(folder: Path, clickhouse: EmbeddedClickHouse) -> Iterator[Chain]:
    """Start all parts. At the end each forwarder sends what it still holds, and that must be nothing."""
    with contextlib.ExitStack() as stack:
        dsn = clickhouse.dsn(stack.enter_context(clickhouse.fresh_database()))
        sidecar = stack.enter_context(
            SidecarProcess(
                CLICKHOUSE_URL=dsn, TOKEN=SIDECAR_TOKEN, DATA=str(folder), IMAGES_DIRECTORY=str(folder / "images")
            )
        )
        sidecar_url = asyncio.run(sidecar.ready())
        client = stack.enter_context(clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False))
        client.command("SYSTEM STOP MERGES events")  # they would hide doubles
        collector = Collector(folder, sidecar_url, token=COLLECTOR_TOKEN)
        collector.environment |= {
            "CHATTRAIL_SIDECAR_TOKEN": SIDECAR_TOKEN,
            "CHATTRAIL_COLLECTOR_TOKEN": COLLECTOR_TOKEN,
        }
        stack.enter_context(collector)
        grpc = f"http://{collector.grpc}"
        doors = {
            "sidecar": Door(sidecar_url, token=SIDECAR_TOKEN),
            "collector": Door(collector.http, grpc, COLLECTOR_TOKEN),
        }
        forwarders = {
            "rotel": partial(Rotel, folder / "rotel-1.log", sidecar_url, "http", SIDECAR_TOKEN),
            "rotel and collector": partial(Rotel, folder / "rotel-2.log", grpc, "grpc", COLLECTOR_TOKEN),
        }
        chain = Chain(client, stack, doors, forwarders)
        yield chain
        for rotel in chain.rotels:
            rotel.stop()
        collector.stop()
        assert sidecar.end(signal.SIGTERM) == 0, sidecar.text
        assert {service: chain.count(service) for service in chain.expected} == chain.expected, "came late, or twice"
