"""Stores batches in ClickHouse: screens them, inserts them under a token, dead-letters what can't be stored."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from common.clickhouse import NO_REVISION, connection_options
from common.error_location import first_line
from sidecar.errors import RetryableError, listed
from sidecar.otlp.batch import Batch, name_of, records_of
from sidecar.otlp.pieces import weigh
from sidecar.otlp.salvage import RejectedRecord
from sidecar.otlp.scan import OddRequestError
from sidecar.otlp.wire import Origin
from sidecar.plugin import Context
from sidecar.plugins.clickhouse import encoders
from sidecar.plugins.clickhouse.columns.blocks import RequestKey, TableBlock, blocks_of
from sidecar.plugins.clickhouse.deduplication import restore
from sidecar.plugins.clickhouse.fill import fill
from sidecar.plugins.clickhouse.group_commit import GroupCommit, Insert
from sidecar.plugins.clickhouse.insert_dead_letters import insert_dead_letters
from sidecar.plugins.clickhouse.migrate import migrate
from sidecar.plugins.clickhouse.odd_request import OddRequest
from sidecar.plugins.clickhouse.refusals import DATA_ERRORS, MEMORY, Refusals
from sidecar.plugins.clickhouse.repair import Repair
from sidecar.plugins.clickhouse.rollup import Rollup
from sidecar.plugins.clickhouse.settings import ClickHouseSettings
from sidecar.plugins.clickhouse.split import halve, validate
from sidecar.telemetry import loop_guard
from sidecar.telemetry.metrics import DEAD_LETTERS

# By the estimate of sidecar.otlp.pieces: a smaller record that is refused for memory tells of the limit, and not of the record.
LEAST_GIVEN_UP = 16 << 20
ON_A_THREAD = 100_000  # bytes of a request: from here on making blocks takes more than some milliseconds


class ClickHouseSink:
    """The required plugin behind the ack: `handle` returns once every record of the batch is committed somewhere."""

    events: frozenset[str] | None = None

    def __init__(self, config: ClickHouseSettings, context: Context) -> None:
        self._config = config
        self._context = context
        self._client: AsyncClient | None = None
        self._makes_blocks = config.encoder in ("auto", "columns")
        self._encoder: encoders.Encoder = encoders.insert_native
        self._closing = AsyncExitStack()
        self._rollup: Rollup | None = None
        self._repair: Repair | None = None
        self._refusals = Refusals()
        self._groups = GroupCommit(self._insert_blocks, _blocks_of)
        self._running: dict[object, float] = {}  # inserts and when each began, the oldest first

    async def start(self) -> None:
        """Bring the schema up to date, choose the encoder, begin to keep the rollup. Raises RetryableError."""
        url = self._config.url.get_secret_value()
        if applied := await asyncio.to_thread(migrate, url):  # one line: only so many a second are sent out
            named = ", ".join(f"{migration.version} ({migration.name})" for migration in applied)
            self._context.logger.info("applied migrations %s", named)
        try:
            if without := await asyncio.to_thread(restore, url):
                self._context.logger.warning(
                    "there was no deduplication of %s, as after a forget-batches that was killed: it is on again; batches"
                    " that were sent twice meanwhile may be stored twice",
                    ", ".join(without),
                )
            async with AsyncExitStack() as opened:
                client = await clickhouse_connect.get_async_client(
                    **connection_options(url),
                    send_receive_timeout=self._config.insert_timeout_s,
                    compress=False,
                )
                opened.push_async_callback(client.close)
                client.protocol_version = NO_REVISION
                repair = Repair(client, self._context)
                await repair.attach_detached()  # before the probe: it goes through every table
                self._encoder, why = await encoders.choose(client, self._config.encoder)
                await fill(client, self._config.insert_timeout_s * 0.8, self._context.logger)
                rollup = Rollup(client, self._context, self._config, repair.note, self._oldest_insert)
                await rollup.start()
                opened.push_async_callback(repair.shutdown)
                opened.push_async_callback(rollup.shutdown)
                self._closing = opened.pop_all()
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise self._as_retryable(error) from None
        columns = "blocks of columns, and for what these can't hold the " if self._makes_blocks else ""
        self._context.logger.info("inserts use %s%s", columns or "the ", why)
        repair.start()
        self._client, self._repair, self._rollup = client, repair, rollup

    async def handle(self, batch: Batch) -> None:
        """Commit the batch; safe to repeat. Raises RetryableError for everything that may pass."""
        if dead := await self.store(batch):
            reasons = Counter[str]()
            for letter in dead:
                reasons[letter.reason] += letter.records
            await self._insert_dead_letters(dead, batch.digest, reasons)
            batch.rejected += reasons

    async def store(self, batch: Batch) -> list[RejectedRecord]:
        """Commit what can be stored of the batch and return the rest. Raises RetryableError for everything that may pass."""
        if self._client is None or self._rollup is None:
            raise RetryableError("the ClickHouse sink has not started")
        if await self._store_blocks(batch):
            self._rollup.wake()
            return []
        body, dead = validate(batch)
        if body is not None:
            token = batch.digest if not dead else _token(batch.digest, body)
            turned_away = {letter.position for letter in dead}
            passed = [position for position in range(batch.record_count) if position not in turned_away]
            del passed[
                batch.record_count - sum(letter.records for letter in dead) :
            ]  # letters of several records have one place
            dead += await self._insert(OddRequest(body, token, bytes.fromhex(batch.digest), passed))
        self._rollup.wake()
        return dead

    async def shutdown(self) -> None:
        """Finish the rollup and close. Idempotent, safe before start."""
        self._client = self._repair = self._rollup = None
        await self._closing.aclose()

    async def _store_blocks(self, batch: Batch) -> bool:
        """Insert the batch as blocks of columns; whether it is stored. What is not has to be looked at record by record."""
        if not self._makes_blocks or batch.unreadable or self._refusals.is_too_large(batch.digest):
            return False
        one = Insert((), batch.record_count, batch.digest, batch.body)
        if len(batch.body) > ON_A_THREAD:  # made meanwhile
            try:
                one = Insert(await _blocks_of([one]), batch.record_count, batch.digest)
            except OddRequestError:
                return False
        return await self._groups.commit(one) is None

    async def _insert_blocks(self, blocks: Sequence[TableBlock], token: str) -> int | None:
        return await self._refusal(lambda client: encoders.insert_blocks(client, blocks, token), token)

    async def _insert(self, odd: OddRequest) -> list[RejectedRecord]:
        """Insert; where ClickHouse refuses the data, halve until the records at fault stand alone, and return those."""
        too_large = self._refusals.is_too_large(odd.token)
        code = MEMORY if too_large else await self._encode(odd)
        if code is None:
            return []
        halves = halve(odd.body)
        if len(halves) == 1:
            return await self._give_up(odd, code)
        self._context.logger.warning("ClickHouse refused a batch (code %s); storing it in halves", code)
        found = []
        middle = halves[1][0]
        for (offset, half), records in zip(halves, (middle, len(odd.places) - middle), strict=True):
            # both halves may be the same bytes, and are not the same records
            token = _token(odd.token, str(offset).encode())
            found += await self._insert(odd.part(half, token, offset, records))
        return found

    async def _give_up(self, odd: OddRequest, code: int) -> list[RejectedRecord]:
        """A dead letter for a record that ClickHouse refuses by itself, but not while it would refuse any other, too."""
        if code == MEMORY:
            again = await self._encode(odd)
            if again is None:
                return []
            small = weigh(odd.body)[0] < LEAST_GIVEN_UP
            if small or await self._encode(encoders.PROBE) is not None:
                raise RetryableError("ClickHouse has too little memory for a single small record", after=2.0)
        origin, record = Origin.of(odd.body)
        reason = f"ClickHouse refused it with code {code}"
        name = next(map(name_of, records_of(ExportLogsServiceRequest.FromString(odd.body))), "")
        return [RejectedRecord(odd.places[0], reason, Origin().request(record), origin=origin, event_name=name)]

    async def _encode(self, odd: OddRequest) -> int | None:
        return await self._refusal(lambda client: self._encoder(client, odd), odd.token)

    async def _refusal(self, insert: Callable[[AsyncClient], Awaitable[None]], token: str) -> int | None:
        """Insert; the code where ClickHouse refuses this very data, None when it is stored. Raises RetryableError for the rest."""
        assert self._client is not None
        running = object()
        self._running[running] = self._context.clock.monotonic()
        try:
            await insert(self._client)
        except ClickHouseError as error:
            code: int | None = getattr(error, "code", None)
            if code in DATA_ERRORS:
                return code
            if code == MEMORY and self._refusals.note(token, error):
                return code
            raise self._as_retryable(error) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._as_retryable(error) from None
        finally:
            del self._running[running]
        return None

    def _oldest_insert(self) -> float:
        """For how many seconds the oldest insert has been running, 0 for none."""
        began = next(iter(self._running.values()), None)
        return 0.0 if began is None else self._context.clock.monotonic() - began

    async def _insert_dead_letters(self, letters: list[RejectedRecord], batch: str, reasons: Counter[str]) -> None:
        assert self._client is not None
        try:
            await insert_dead_letters(self._client, letters, batch)
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise self._as_retryable(error) from None
        # a sidecar's own record is not a sender's fault: no alarm for it
        source = {"source": loop_guard.SERVICE_NAME} if loop_guard.is_on() else {}
        for reason, records in reasons.items():
            self._context.metrics.add(DEAD_LETTERS, records, reason=reason, **source)
        self._context.logger.warning(
            "%d of the batch's records went to dead_letters: %s", reasons.total(), listed(reasons)
        )

    def _as_retryable(self, error: Exception) -> RetryableError:
        if self._repair is not None:
            self._repair.note(error)
        return RetryableError(f"ClickHouse can't store the batch now: {first_line(error)}", after=2.0)


async def _blocks_of(group: Sequence[Insert]) -> list[TableBlock]:
    body = b"".join(one.body for one in group)
    requests = [RequestKey(bytes.fromhex(one.token), one.records) for one in group]
    return await asyncio.to_thread(blocks_of, body, requests) if len(body) > ON_A_THREAD else blocks_of(body, requests)


def _token(whole: str, part: bytes) -> str:
    """The token for part of what was sent: the same part of the same batch has the same."""
    return hashlib.sha256(whole.encode() + part).hexdigest()
