"""Everything behind the web app, for real: embedded ClickHouse, a sidecar process that fills it, and events over OTLP."""

import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from flask import Flask
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.browser.stack import SETTLED, Part, wait_until
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import request
from tests.support.web_support import make_app

BATCH = 400


@dataclass(frozen=True)
class WebStage:
    """A database with a sidecar in front; `app` makes web apps on it."""

    sidecar_url: str
    readonly_url: str
    saving_url: str
    folder: Path
    client: Client

    @property
    def images(self) -> Path:
        """Where the sidecar puts images."""
        return self.folder / "images"

    def send(self, records: Sequence[LogRecord]) -> None:
        """Post events to the sidecar and wait until events and figures have them."""
        for begin in range(0, len(records), BATCH):
            self.post(request(*records[begin : begin + BATCH]))
        self.settle()

    def post(self, body: bytes) -> None:
        """Post one OTLP body; the sidecar answers once it is stored."""
        headers = {"Content-Type": "application/x-protobuf"}
        sent = urllib.request.Request(f"{self.sidecar_url}/v1/logs", data=body, headers=headers)
        with urllib.request.urlopen(sent, timeout=60) as answer:
            assert answer.status == 200

    def settle(self) -> None:
        """Wait until the rollup counts what is stored."""
        wait_until(lambda: self.client.command(SETTLED), 120.0)  # on a busy machine

    def archived(self, store: str, key: str, **changes: Any) -> str:
        """Put a row into the archive of images, as the sidecar publishes it; the id of its event."""
        row = {
            "event_id": str(uuid.uuid4()),
            "status": "stored",
            "store": store,
            "key": key,
            "content_type": "image/jpeg",
            "created_at": datetime.now(UTC),
            **changes,
        }
        self.client.insert("images", [list(row.values())], column_names=list(row))
        return str(row["event_id"])

    def app(self, clock: FakeClock | None = None, /, **changes: str) -> Flask:
        """A web app that reads this database."""
        data = self.folder / f"web-{time.monotonic_ns()}"
        made = {"images_directory": str(self.images), "saving_url": self.saving_url, **changes}
        return make_app(data, self.readonly_url, clock, **made)


@contextmanager
def web_stage(clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[WebStage]:
    """A fresh database and its sidecar; both are gone afterwards."""
    with migrated_database(clickhouse) as name:
        environment = {
            "CHATTRAIL_SIDECAR_PORT": "0",
            "CHATTRAIL_SIDECAR_CLICKHOUSE_ROLLUP_INTERVAL_S": "0.05",  # tests wait for the figures
            "CHATTRAIL_SIDECAR_DATA": str(folder / "sidecar"),
            "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": clickhouse.dsn(name),
            "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(folder / "images"),
        }
        sidecar = Part("sidecar", r"sidecar is ready: POST (http://\S+)/v1/logs", environment)
        try:
            url = sidecar.wait()
            with clickhouse_connect.get_client(dsn=clickhouse.dsn(name), autogenerate_session_id=False) as client:
                yield WebStage(url, clickhouse.dsn(name, readonly=True), clickhouse.saving_dsn(name), folder, client)
        finally:
            sidecar.stop()
