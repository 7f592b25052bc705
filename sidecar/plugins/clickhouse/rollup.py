"""Keeps `activity` in step with `events` by recomputing the rows that inserts have marked as stale.

A mark carries the time at which its insert was written; the rows of that insert become visible later, at worst when the longest
insert ends. So rounds recompute the newest marks, looking back as far as the oldest insert that runs here, and two passes recompute
all of them again at a distance: one behind inserts of the usual time limit, one behind the longest. A pass takes a piece at a
time between rounds, so a backlog never holds up what is new, and saves in ClickHouse how far it has come (docs/adr/0022).
Recomputing a row once more leaves it as it was, so two sidecars may do so at once.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.error_location import first_line
from common.waiting import set_within
from sidecar.plugin import Context
from sidecar.plugins.clickhouse.empty_rows import delete_empty_rows
from sidecar.plugins.clickhouse.keys import Span
from sidecar.plugins.clickhouse.marks import FOREVER, newest
from sidecar.plugins.clickhouse.passes import Pass
from sidecar.plugins.clickhouse.recompute import Recomputation
from sidecar.plugins.clickhouse.settings import ClickHouseSettings
from sidecar.plugins.clickhouse.texts import text_passes
from sidecar.telemetry.metrics import ROLLUP_FAILURES, ROLLUP_ROUNDS, ROLLUP_WAITING

SECOND: Final = 1_000_000  # microseconds
OTHERS_S: Final = (
    0.25  # how long inserts of other processes are taken to run; those that take longer are left to the passes
)
# An insert of another process that takes longer than its sender waits ends within ClickHouse's own limit of 300 s, and
# insert_timeout_s can be 600.
LONGEST_INSERT_S: Final = 660
LOOK_AGAIN_S: Final = 10.0
SHUTDOWN_S: Final = 3.0
AFTER_FAILURE_S: Final = 2.0  # as in Retry-After for senders: a server in trouble is not asked more often


class Rollup:
    """A background task that runs a round soon after each `wake`, at most one in `interval_s` seconds."""

    def __init__(
        self,
        client: AsyncClient,
        context: Context,
        config: ClickHouseSettings,
        failed: Callable[[Exception], None],
        oldest_insert: Callable[[], float],
    ) -> None:
        """`oldest_insert` says for how many seconds the oldest insert of this process has been running, 0 for none."""
        self._client = client
        self._failed = failed
        self._oldest_insert = oldest_insert
        self._context = context
        self._interval_s = config.rollup_interval_s
        self._recomputation = Recomputation(client, context, config.insert_timeout_s * 0.8)
        usual, longest = int(config.insert_timeout_s + 5) * SECOND, LONGEST_INSERT_S * SECOND
        self._passes = [
            Pass("usual", usual, client, self._recomputation),
            Pass("longest", longest, client, self._recomputation),
        ]
        self._text_passes = text_passes(client, context, config.insert_timeout_s * 0.8, longest)
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reached = 0  # by rounds: what is marked up to here is recomputed, but for slow inserts of other processes

    def wake(self) -> None:
        """Say that events were stored."""
        self._woken.set()

    async def start(self) -> None:
        """Read how far another process got, then begin there."""
        for one in (*self._passes, *self._text_passes):
            await one.load()
        self._reached = min(one.reached for one in self._passes)
        self._woken.set()
        self._task = asyncio.create_task(self._run(), name="rollup")

    async def shutdown(self) -> None:
        """Run the last round if one is due, then stop. A round that ClickHouse doesn't finish in time is given up."""
        if self._task is None:
            return
        # asked, not cancelled: the driver turns a cancellation in the middle of a request into an error of its own
        self._stopping.set()
        self._woken.set()
        await asyncio.wait({self._task}, timeout=SHUTDOWN_S)
        self._task.cancel()
        self._task = None

    async def _run(self) -> None:
        clock = self._context.clock
        while True:
            await set_within(self._woken, 0 if self._is_busy else LOOK_AGAIN_S)
            began = clock.monotonic()
            succeeded = await self._try_step()
            if self._stopping.is_set():
                return
            least = self._interval_s if succeeded else max(self._interval_s, AFTER_FAILURE_S)
            # from the beginning of a step to the next one's; as long as one took, the machine is left to others
            took = clock.monotonic() - began
            await set_within(self._stopping, max(least - took, took))

    @property
    def _is_busy(self) -> bool:
        return any(one.busy for one in (*self._passes, *self._text_passes))

    async def _try_step(self) -> bool:
        """Run a round if one is due, and a piece of a pass; on a fault of ClickHouse's say so and return False."""
        due = self._woken.is_set()
        self._woken.clear()
        try:
            now = await self._round(due)
            if not self._stopping.is_set():
                reached = self._passes[-1].reached
                for one in self._passes:
                    if await one.step(now):
                        break
                if self._passes[-1].reached != reached:
                    await delete_empty_rows(self._client)
                for each in self._text_passes:
                    if await each.step(now):
                        break
                self._context.metrics.set(ROLLUP_WAITING, sum(one.waiting for one in self._passes))
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            self._woken.set()
            self._failed(error)
            self._context.metrics.add(ROLLUP_FAILURES)
            self._context.logger.warning("the figures could not be brought up to date: %s", first_line(error))
            return False
        return True

    async def _round(self, due: bool) -> int:
        """Recompute what was marked since the round before; ClickHouse's time. Marks beyond MOST are left to the passes."""
        since, monotonic = self._reached, self._context.clock.monotonic
        asked, running = monotonic(), max(self._oldest_insert(), OTHERS_S)
        marks = await newest(self._client, Span(since, FOREVER))
        running += monotonic() - asked
        if due and marks.found:
            await self._recomputation.marked(
                Span(since if marks.are_all else marks.oldest, marks.now), marks, is_round=True
            )
            self._context.metrics.add(ROLLUP_ROUNDS)
        self._reached = max(marks.now - int(running * SECOND), 0)
        return marks.now
