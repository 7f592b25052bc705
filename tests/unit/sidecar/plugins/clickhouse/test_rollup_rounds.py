"""How far a round of the rollup looks back: to the oldest insert that ran when the round before began."""

import logging
from pathlib import Path
from typing import Any, cast

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugin import Context
from sidecar.plugins.clickhouse.keys import Span
from sidecar.plugins.clickhouse.marks import Marks
from sidecar.plugins.clickhouse.rollup import OTHERS_S, Rollup
from sidecar.plugins.clickhouse.settings import ClickHouseSettings
from sidecar.telemetry.metrics import Metrics
from tests.support.clock import FakeClock

SECOND = 1_000_000


class ClickHouse:
    """Has one mark, always the newest; says what its clock says, and takes a moment for it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[int] = []

    async def query(self, _statement: str, parameters: dict[str, Any]) -> Any:
        self.asked.append(parameters["after"])
        now = int(self.clock.monotonic() * SECOND)
        self.clock.advance(0.125)
        return type("Answer", (), {"result_rows": [(now, 1, now, 0, [("somebody", 0)])]})


async def test_a_mark_is_recomputed_once_unless_an_insert_runs(tmp_path: Path) -> None:
    clock, ages = FakeClock(), iter((0.0, 2.0, 0.0, 0.0))
    clickhouse, spans = ClickHouse(clock), list[Span]()
    context = Context(cast("Any", clock), logging.getLogger("rollup"), Metrics(), tmp_path)
    config = ClickHouseSettings.load({"CHATTRAIL_SIDECAR_CLICKHOUSE_URL": "http://127.0.0.1:1/x"})
    rollup = Rollup(cast("AsyncClient", clickhouse), context, config, lambda _: None, lambda: next(ages))

    async def marked(span: Span, marks: Marks, *, is_round: bool) -> None:
        assert is_round
        assert marks.rows == {("somebody", 0)}
        spans.append(span)
        clock.advance(1.0)  # rounds that take long look no farther back

    rollup._recomputation.marked = marked  # type: ignore[method-assign]
    clock.advance(1_000)
    for _ in range(4):
        await rollup._round(due=True)
        clock.advance(0.5)
    backwards = [span.until - after for span, after in zip(spans, clickhouse.asked[1:], strict=False)]
    expected = [OTHERS_S, 2.0, OTHERS_S]
    assert backwards == [int((seconds + 0.125) * SECOND) for seconds in expected]
    assert [span.after for span in spans[1:]] == clickhouse.asked[1:]
