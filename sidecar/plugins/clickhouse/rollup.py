"""Keeps `activity` in step with `events` by recomputing the rows that inserts have marked as stale.

A mark carries the time at which its insert was being written, and the rows of that insert become visible a little later. So
each round looks back beyond the round before it: by a few seconds while events flow, and by the longest time an insert may
take in a sweep every half minute. Recomputing a row once more leaves it as it was, which is why looking back too far is
harmless, two sidecars may do it at once, and a start simply recomputes what came after the newest row.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugin import Context
from sidecar.telemetry import ROLLUP_FAILURES, ROLLUP_ROUNDS

RECOMPUTE = (Path(__file__).parent / "recompute_activity.sql").read_text()
SETTINGS = {"async_insert": 0, "max_execution_time": 120, "max_partitions_per_insert_block": 0}
LOOK_BACK = timedelta(seconds=3)
SWEEP_LOOK_BACK = timedelta(minutes=11)  # longer than insert_timeout_s can be
SWEEP_EVERY_S = 30.0
SHUTDOWN_S = 3.0
AFTER_FAILURE_S = 2.0  # as senders are told, too: a server in trouble is not asked more often
EPOCH = datetime.fromtimestamp(0, UTC)


class Rollup:
    """A background task that runs a round soon after each `wake`, at most one in `interval_s` seconds."""

    def __init__(
        self, client: AsyncClient, context: Context, interval_s: float, failed: Callable[[Exception], None]
    ) -> None:
        self._client = client
        self._failed = failed
        self._context = context
        self._interval_s = interval_s
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reached = EPOCH

    def wake(self) -> None:
        """Say that events were stored."""
        self._woken.set()

    async def start(self) -> None:
        """Catch up with what another process left stale, then begin."""
        ((newest,),) = (await self._client.query("SELECT max(computed_at) FROM activity")).result_rows
        self._reached = _aware(newest)
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
        swept_at = float("-inf")
        while True:
            await _set_within(self._woken, SWEEP_EVERY_S)
            sweep = clock.monotonic() - swept_at >= SWEEP_EVERY_S
            self._woken.clear()
            began = clock.monotonic()
            succeeded = await self._try_round(SWEEP_LOOK_BACK if sweep else LOOK_BACK)
            if not succeeded:
                self._woken.set()
            elif sweep:
                swept_at = began
            if self._stopping.is_set():
                return
            # a slow round leaves the machine to others for twice as long as it took
            least = self._interval_s if succeeded else max(self._interval_s, AFTER_FAILURE_S)
            await _set_within(self._stopping, max(least, 2 * (clock.monotonic() - began)))

    async def _try_round(self, look_back: timedelta) -> bool:
        """Recompute and return True; on a fault of ClickHouse's say so and return False, to be tried again."""
        try:
            await self.bring_up_to_date(look_back)
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            self._failed(error)
            self._context.metrics.add(ROLLUP_FAILURES)
            self._context.logger.warning(
                "the figures could not be brought up to date: %s", str(error).splitlines()[0][:300]
            )
            return False
        self._context.metrics.add(ROLLUP_ROUNDS)
        return True

    async def bring_up_to_date(self, look_back: timedelta = SWEEP_LOOK_BACK) -> None:
        """Recompute what was marked since the round before, less `look_back`. Raises the driver's errors."""
        since = max(self._reached - look_back, EPOCH)
        parameters = {"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")}
        query = "SELECT now64(6, 'UTC'), count() FROM activity_stale WHERE marked_at >= {since:DateTime64(6, 'UTC')}"
        ((now, marks),) = (await self._client.query(query, parameters=parameters)).result_rows
        if marks:
            await self._client.command(RECOMPUTE, parameters=parameters, settings=SETTINGS)
        self._reached = _aware(now)


def _aware(time: datetime) -> datetime:
    """Give the driver's time a zone: it leaves it out where server and client agree on UTC."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than this."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
