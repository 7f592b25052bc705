"""The collector's own ClickHouse exporter, past the sidecar, into embedded ClickHouse: a collector built for this test."""

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.build import cached_binary
from tests.support.clients.builds import EXPORTER
from tests.support.collector_process import PROTOBUF, free_ports, until
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.otlp import request
from tests.support.tools import lacking

LOGS, BATCH = 10_000, 1_000


@pytest.fixture(scope="module")
def binary() -> Path:
    built = cached_binary(EXPORTER)
    return built if built.exists() else Path(lacking("the collector with the ClickHouse exporter: run `make clients`"))


@pytest.fixture(params=["", "?compress=none", "?compress=zstd"], ids=["its default", "plain", "zstd"])
def exporter(
    request: pytest.FixtureRequest, binary: Path, clickhouse: EmbeddedClickHouse, tmp_path: Path
) -> Iterator[tuple[str, str, Path]]:
    """Its address, the database it writes to, its log."""
    (port,) = free_ports(1)
    with clickhouse.fresh_database() as database, (tmp_path / "log").open("wb") as log:
        environment = {
            "OTLP_ENDPOINT": f"127.0.0.1:{port}",
            "CLICKHOUSE_ENDPOINT": clickhouse.base_url + request.param,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
            "CLICKHOUSE_DATABASE": database,
        }
        process = subprocess.Popen(
            [binary, f"--config={EXPORTER.with_name('config.yaml')}"],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/v1/logs", database, tmp_path / "log"
        finally:
            process.kill()
            process.wait(10)


def post(address: str, body: bytes) -> bool:
    """Whether somebody took it."""
    try:
        sent = urllib.request.Request(address, data=body, headers={"content-type": PROTOBUF})
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False


def test_it_creates_its_table_and_inserts(exporter: tuple[str, str, Path], clickhouse: EmbeddedClickHouse) -> None:
    address, database, log = exporter
    until(lambda: post(address, request()), f"the collector listens ({log})", 60)
    for first in range(0, LOGS, BATCH):
        records = [
            LogRecord(
                time_unix_nano=1_700_000_000_000_000_000 + number,
                severity_text="INFO",
                body=AnyValue(string_value=f"log {number} – журнал"),
                attributes=[KeyValue(key="number", value=AnyValue(string_value=str(number)))],
            )
            for number in range(first, first + BATCH)
        ]
        assert post(address, request(*records))

    def stored() -> str:
        return ask(clickhouse, "SELECT count() FROM otel_logs", database=database).text

    until(lambda: stored() == f"{LOGS}\n", f"all are stored ({log.read_text()[-2000:]})", 60)
    checked = ask(
        clickhouse,
        "SELECT uniqExact(Body), min(Timestamp), sum(toUInt64(LogAttributes['number'])), any(SeverityText)"
        " FROM otel_logs WHERE Body = concat('log ', LogAttributes['number'], ' – журнал')",
        database=database,
    )
    total = LOGS * (LOGS - 1) // 2
    assert checked.text == f"{LOGS}\t2023-11-14 22:13:20.000000000\t{total}\tINFO\n"
    assert "error" not in log.read_text()
