"""What the sidecar accepts can be stored: a sweep over records, resources and sizes, at default limits."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import clickhouse_connect
import pytest

from tests.support import batch_sweep as sweep
from tests.support.batch_sweep import Outcome
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT
from tests.support.receivers import SidecarProcess, until

PAGE = ROOT / "docs" / "operations.md"
MARKS = "<!-- make sweep-batches -->", "<!-- end of make sweep-batches -->"
MIB = 1 << 20
REST_BYTES = 30 * MIB  # what may be left of a request's memory, half a minute later
WARM = sweep.Case("chat events", 100, 64 << 10)


@asynccontextmanager
async def swept(folder: Path, cases: Iterable[sweep.Case]) -> AsyncIterator[Iterator[Outcome]]:
    """Send each case; give the outcomes. No request is answered anything but 200, and the memory of each is given back."""
    with (
        EmbeddedClickHouse(folder) as clickhouse,
        SidecarProcess(CLICKHOUSE_URL=clickhouse.url, PLUGINS="clickhouse") as sidecar,
    ):
        url = await sidecar.ready()
        client = clickhouse_connect.get_client(dsn=clickhouse.url, autogenerate_session_id=False)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            outcomes = []
            before = (await sweep.run(WARM, session, url, client, sidecar.pid)).rss_bytes
            for case in cases:
                outcome = await sweep.run(case, session, url, client, sidecar.pid)
                await until(lambda: sweep.resident(sidecar.pid) < before + REST_BYTES)
                outcome = replace(outcome, rss_bytes=sweep.resident(sidecar.pid))
                print(line(outcome), flush=True)
                outcomes.append(outcome)
            async with session.get(f"{url}/metrics") as answer:
                metrics = await answer.text()
        client.close()
        assert re.findall(r'requests_total\{status="(\d+)"\}', metrics) == ["200"], "none was sent away"
        yield iter(outcomes)


def line(outcome: Outcome) -> str:
    """A row of the table."""
    case = outcome.case
    figures = (
        f"{case.body_bytes / MIB:.1f}", f"{outcome.wire_bytes / MIB:.2f}", outcome.records, outcome.pieces, outcome.status,
        outcome.stored, outcome.dead, f"{outcome.seconds:.1f}", outcome.rss_bytes // MIB,
    )  # fmt: skip
    return f"| {case.kind} | {case.resource_bytes:,} | " + " | ".join(str(figure) for figure in figures) + " |"


def check(outcome: Outcome) -> None:
    """A right answer, and each record where it belongs."""
    assert outcome.status == 200, outcome
    assert (outcome.stored, outcome.dead) == (outcome.records - outcome.case.dead, outcome.case.dead), outcome


async def test_small_requests_that_are_much_in_memory(tmp_path: Path) -> None:
    async with swept(tmp_path, sweep.small()) as outcomes:
        for outcome in outcomes:
            check(outcome)


@pytest.mark.slow
async def test_every_shape_and_size(tmp_path: Path) -> None:
    async with swept(tmp_path, sweep.full()) as outcomes:
        rows = []
        for outcome in outcomes:
            check(outcome)
            rows.append(line(outcome))
    head = (
        "| kind of records | resource, bytes | body, MiB | on the wire, MiB | records | pieces | answer | stored | dead letters |"
        " s | RSS afterwards, MiB |"
    )
    table = "\n".join([MARKS[0], head, "|---" * 11 + "|", *rows, MARKS[1]])
    text = await asyncio.to_thread(PAGE.read_text)
    await asyncio.to_thread(PAGE.write_text, re.sub(f"{MARKS[0]}.*{MARKS[1]}", lambda _: table, text, flags=re.DOTALL))
