"""The ways from OTLP into ClickHouse that bench_drain compares: Chattrail's sidecar, the collector's own exporter, rotel."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from collector.build import cached_binary
from tests.support.clients.builds import EXPORTER
from tests.support.collector_process import free_ports, until
from tests.support.embedded import EmbeddedClickHouse
from tests.support.receivers import SidecarProcess
from tests.support.tools import of_package

BATCHED = """
    sending_queue:
      batch:
        flush_timeout: 200ms
        min_size: 5000
        max_size: 5000
        sizer: items
"""
INDEXES = "SELECT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'otel_logs'"


@dataclass(frozen=True, slots=True)
class Running:
    """One way that is ready: where it takes requests, its processes but ClickHouse's, the table that rows end up in."""

    address: str
    pids: tuple[int, ...]
    client: Client
    table: str


Way = Callable[[EmbeddedClickHouse, Path], AbstractContextManager[Running]]


@contextmanager
def chattrail(clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[Running]:
    """The sidecar, which answers once the rows are committed."""
    settings = {"CLICKHOUSE_URL": clickhouse.url, "PLUGINS": "clickhouse"}
    with SidecarProcess(**settings) as sidecar:
        address = asyncio.run(sidecar.ready())
        client = clickhouse_connect.get_client(dsn=clickhouse.url)
        yield Running(f"{address}/v1/logs", (sidecar.pid,), client, "events")
        sidecar.end()


def exporter(*, batched: bool, indexes: bool) -> Way:
    """The collector with its ClickHouse exporter and that one's schema, which answers after commit unless `batched`."""

    @contextmanager
    def started(clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[Running]:
        with _collector(clickhouse, folder, batched=batched) as running:
            if not indexes:
                _drop_indexes(running.client)
            yield running

    return started


def rotel(*, indexes: bool) -> Way:
    """rotel with its ClickHouse exporter as it is by default, into the collector's schema; it answers before commit."""

    @contextmanager
    def started(clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[Running]:
        with _collector(clickhouse, folder, batched=False) as made:  # for its schema
            client = made.client
        if not indexes:
            _drop_indexes(client)
        (port,) = free_ports(1)
        command = [
            of_package("rotel", "rotel-agent"), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}",
            "--otlp-grpc-endpoint", f"127.0.0.1:{free_ports(1)[0]}", "--exporter", "clickhouse",
            "--clickhouse-exporter-endpoint", clickhouse.base_url, "--clickhouse-exporter-database", "chattrail",
            "--clickhouse-exporter-user", "default", "--clickhouse-exporter-password", clickhouse.password,
        ]  # fmt: skip
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("ROTEL_", "OTEL_"))}
        with _process(command, plain, folder / "rotel.log") as pid:
            yield Running(f"http://127.0.0.1:{port}/v1/logs", (pid,), client, "otel_logs")

    return started


@contextmanager
def _collector(clickhouse: EmbeddedClickHouse, folder: Path, *, batched: bool) -> Iterator[Running]:
    binary = cached_binary(EXPORTER)
    if not binary.exists():
        raise SystemExit("the collector with the ClickHouse exporter is not built: run `make clients`")
    config = EXPORTER.with_name("config.yaml").read_text(encoding="utf-8")
    if batched:
        config = config.replace("    timeout: 60s\n", f"    timeout: 60s{BATCHED}")
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (port,) = free_ports(1)
    environment = os.environ | {
        "OTLP_ENDPOINT": f"127.0.0.1:{port}",
        "CLICKHOUSE_ENDPOINT": clickhouse.base_url,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": "chattrail",
    }
    with _process([str(binary), f"--config={folder / 'config.yaml'}"], environment, folder / "collector.log") as pid:
        client = clickhouse_connect.get_client(dsn=clickhouse.url)
        until(lambda: client.command("EXISTS otel_logs"), "the exporter has made its table")
        yield Running(f"http://127.0.0.1:{port}/v1/logs", (pid,), client, "otel_logs")


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process.pid
        process.terminate()
        process.wait(60)
    finally:
        process.kill()
        process.wait(10)


def _drop_indexes(client: Client) -> None:
    for (name,) in client.query(INDEXES).result_rows:
        client.command(f"ALTER TABLE otel_logs DROP INDEX `{name}`")
