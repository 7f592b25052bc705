"""A ClickHouse sink on a database of its own, driven from synchronous tests."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from sidecar.otlp.batch import Batch
from sidecar.otlp.pieces import cut
from sidecar.plugin import Clock, Context
from sidecar.plugins.clickhouse import FACTORY
from sidecar.plugins.clickhouse.keys import Span
from sidecar.plugins.clickhouse.marks import FOREVER, newest
from sidecar.plugins.clickhouse.sink import ClickHouseSink
from sidecar.telemetry.metrics import Metrics


class SinkUnderTest:
    """The sink, its event loop, and a client that reads what it stored."""

    def __init__(self, url: str, database: str, encoder: str, data: Path) -> None:
        self.url = urlsplit(url)._replace(path=f"/{database}").geturl()
        self.metrics = Metrics()
        self._runner = asyncio.Runner()
        context = Context(Clock(), logging.getLogger("sink"), self.metrics, data)
        config = FACTORY.config.load(
            {"CHATTRAIL_SIDECAR_CLICKHOUSE_URL": self.url, "CHATTRAIL_SIDECAR_CLICKHOUSE_ENCODER": encoder}
        )
        self.sink = FACTORY.build(config, context)
        assert isinstance(self.sink, ClickHouseSink)
        self.run(self.sink.start())
        self.client: Client = clickhouse_connect.get_client(dsn=self.url, autogenerate_session_id=False)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def handle(self, body: bytes) -> None:
        self.run(self.sink.handle(self.batch(body)))

    def batch(self, body: bytes) -> Batch:
        return Batch.parse(body, datetime.now(UTC))

    def handle_all(self, body: bytes) -> None:
        """Handle a body in its pieces, as the receiver does."""
        for piece in cut(body):
            self.run(self.sink.handle(Batch.of(piece, datetime.now(UTC))))

    def settle(self) -> None:
        """Bring the rollup up to date with all that was stored."""
        rollup = self.sink._rollup  # type: ignore[attr-defined]
        since = min(one.reached for one in rollup._passes)
        marks = self.run(newest(rollup._client, Span(since, FOREVER)))
        work = rollup._recomputation
        span = Span(since, marks.now)
        self.run(work.marked(span, marks, is_round=False) if marks.are_all else work.whole(span))

    def settle_texts(self) -> None:
        """Store all texts to search by: those of marks, then those of what was there before."""
        rollup = self.sink._rollup  # type: ignore[attr-defined]
        marked, _, fill = rollup._text_passes
        span = Span(0, FOREVER)
        marks = self.run(newest(rollup._client, span))
        self.run(marked._work.marked(span, marks, is_round=False))
        while self.run(fill.step(marks.now)):
            pass

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(query, parameters=parameters).result_rows]

    def one(self, query: str, **parameters: Any) -> Any:
        ((value,),) = self.rows(query, **parameters)
        return value

    def close(self) -> None:
        self.client.close()
        self.run(self.sink.shutdown())
        self._runner.close()


@contextmanager
def sink_on(url: str, database: str, encoder: str, data: Path) -> Iterator[SinkUnderTest]:
    """Run a sink on a fresh database of the embedded ClickHouse."""
    under_test = SinkUnderTest(url, database, encoder, data)
    try:
        yield under_test
    finally:
        under_test.close()
