"""After a full disk: finds parts that ClickHouse took over half-written, and has it take the whole ones again.

Measured on the embedded engine (26.9): a merge whose disk fills up at its end leaves an active part with empty files. The
parts it was made of stay on disk for 8 minutes more. Attaching the table anew sets the broken one aside and takes those;
but where the disk is still full, ATTACH fails halfway and ClickHouse removes them, so that has to wait for room.
A replicated table fetches from a replica, so it is left alone. Inserts are turned away before the disk is that full.
"""

import asyncio
import contextlib

import aiohttp
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.waiting import end
from sidecar.plugin import Context

FULL = {243, 75}  # NOT_ENOUGH_SPACE, CANNOT_WRITE_TO_FILE_DESCRIPTOR
# CORRUPTED_DATA, CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH: what a reader of such a part meets
BROKEN = {246, 33, 40}
STILL_USED = 57  # TABLE_ALREADY_EXISTS: "detached but still used by some query. Retry later."
ATTACH_TRIES, ATTACH_AGAIN_S = 100, 0.1
AGAIN_S = 5.0  # a part must be found while those it was made of are still there
QUIET_S = 30.0  # after the last sign
FRESH_PARTS = """
SELECT table, name FROM system.parts
WHERE database = currentDatabase() AND active AND engine NOT LIKE 'Replicated%' AND modification_time > now() - 900
ORDER BY level = 0, modification_time DESC
"""
ROOM = 64 << 20  # bytes; the embedded engine inserts nothing below that either
FREE = "SELECT min(free_space) FROM system.disks WHERE NOT is_remote"
DETACHED = "SELECT table FROM system.detached_tables WHERE database = currentDatabase() AND NOT is_permanently"


class NoRoomError(Exception):
    """Tables have broken parts, and the disk no room to attach them anew."""


class Repair:
    """A background task that looks at fresh parts while there are signs of a full disk, and a little longer."""

    def __init__(self, client: AsyncClient, context: Context) -> None:
        self._client = client
        self._context = context
        self._signs = asyncio.Event()
        self._whole: set[tuple[str, str]] = set()  # parts never change, so one that was whole is not read again
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wait for signs."""
        self._task = asyncio.create_task(self._run(), name="repair")

    def note(self, error: Exception) -> None:
        """Look at an error for signs."""
        if getattr(error, "code", None) in FULL | BROKEN:
            self._signs.set()

    async def shutdown(self) -> None:
        """Stop. Idempotent."""
        if self._task is not None:
            await end(self._task)

    async def mend(self) -> list[str]:
        """Attach anew every table with a broken fresh part; return their names. Raises NoRoomError, and the driver's errors."""
        await self.attach_detached()
        fresh = [(str(table), str(part)) for table, part in (await self._client.query(FRESH_PARTS)).result_rows]
        self._whole.intersection_update(fresh)
        broken: list[str] = []
        for table, part in fresh:
            if (table, part) not in self._whole and table not in broken and await self._is_broken(table, part):
                broken.append(table)
        if broken and not await self._has_room():
            for table in broken:
                with contextlib.suppress(ClickHouseError):  # not allowed to: then they are kept for their 8 minutes
                    await self._client.command(f"SYSTEM STOP CLEANUP `{table}`")
            raise NoRoomError(", ".join(broken))
        for table in broken:
            self._context.logger.error("a part of table %s is broken (a full disk?): attaching the table anew", table)
            await self._client.command(f"DETACH TABLE `{table}`")
            await self._attach(table)  # cleans up again, whatever was said before
        return broken

    async def attach_detached(self) -> None:
        """Take back tables that a sidecar was killed over."""
        with contextlib.suppress(ClickHouseError):  # a server that does not show them, or not to this user
            detached = (await self._client.query(DETACHED)).result_rows
            if detached and not await self._has_room():
                return
            for (table,) in detached:
                await self._client.command(f"ATTACH TABLE IF NOT EXISTS `{table}`")

    async def _attach(self, table: str) -> None:
        """Attach a table that was just detached. Queries that still read it keep ClickHouse from that until they end."""
        for left in reversed(range(ATTACH_TRIES + 1)):
            try:
                await self._client.command(f"ATTACH TABLE IF NOT EXISTS `{table}`")
                return
            except ClickHouseError as error:
                if getattr(error, "code", None) != STILL_USED or not left:
                    raise
            await asyncio.sleep(ATTACH_AGAIN_S)

    async def _has_room(self) -> bool:
        try:
            ((free,),) = (await self._client.query(FREE)).result_rows
        except ClickHouseError:  # not shown to this user
            return True
        return bool(free is None or free >= ROOM)

    async def _is_broken(self, table: str, part: str) -> bool:
        settings = {"check_query_single_value_result": 1}
        try:
            ((whole,),) = (
                await self._client.query(f"CHECK TABLE `{table}` PART '{part}'", settings=settings)
            ).result_rows
        except ClickHouseError as error:  # another code: merged away since it was listed, or too large to read in time
            return getattr(error, "code", None) in BROKEN
        if whole:
            self._whole.add((table, part))
        return not whole

    async def _run(self) -> None:
        """After a sign, look until one look that began QUIET_S after the last sign came to its end.

        A look at many parts may take longer than that, on a busy machine; what broke behind its back is for the next.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._signs.wait()
            last_sign = loop.time()
            looked = reported = False
            while not looked:
                began = loop.time()
                if self._signs.is_set():
                    self._signs.clear()
                    last_sign = began
                try:
                    await self.mend()
                    looked = began >= last_sign + QUIET_S
                except NoRoomError as tables:
                    if not reported:
                        self._context.logger.error(
                            "A PART OF %s IS BROKEN: its rows are back once %d MiB are free on ClickHouse's disk",
                            tables, ROOM >> 20,
                        )  # fmt: skip
                    reported = True
                except (ClickHouseError, aiohttp.ClientError, OSError) as error:
                    if not reported:
                        self._context.logger.warning("parts can't be checked now: %s", type(error).__name__)
                    reported = True
                await asyncio.sleep(AGAIN_S)
