"""Which requests go into ClickHouse together, and what becomes of each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from sidecar.errors import RetryableError
from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse import group_commit
from sidecar.plugins.clickhouse.columns.blocks import TableBlock
from sidecar.plugins.clickhouse.group_commit import ODD, GroupCommit, Insert

COLUMNS = ["event_id", "ts"]


class ClickHouse:
    """Refuses an insert that holds b"x" with a code, can't be reached when it holds b"!", has a fault of our own when it holds
    b"?", and waits until it is free.
    """

    def __init__(self) -> None:
        self.inserts: list[bytes] = []
        self.tokens: list[str] = []
        self.free = asyncio.Event()
        self.groups = GroupCommit(self.insert, self.make)

    async def make(self, group: Sequence[Insert]) -> Sequence[TableBlock]:
        body = b"".join(one.body for one in group)
        if b"odd" in body:
            raise OddRequestError
        return [TableBlock("events", COLUMNS, body.upper())]

    async def insert(self, blocks: Sequence[TableBlock], token: str) -> int | None:
        data = b"".join(block.data for block in blocks)
        self.inserts.append(data)
        self.tokens.append(token)
        await self.free.wait()
        if b"!" in data:
            raise RetryableError("it is away", after=7.0)
        if b"?" in data:
            raise ZeroDivisionError
        return 27 if b"x" in data else None

    def begin(self, data: bytes, *, records: int = 1) -> asyncio.Task[int | None]:
        return self.begin_blocks([TableBlock("events", COLUMNS, data)], records)

    def begin_body(self, body: bytes) -> asyncio.Task[int | None]:
        return asyncio.create_task(self.groups.commit(Insert((), 1, f"token of {body!r}", body)))

    def begin_blocks(self, blocks: Sequence[TableBlock], records: int = 1) -> asyncio.Task[int | None]:
        return asyncio.create_task(self.groups.commit(Insert(blocks, records, f"token of {blocks[0].data!r}")))


async def turns(condition: Callable[[], object]) -> None:
    """Let the loop go on until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the turns of the loop are what is waited for
            await asyncio.sleep(0)


async def ended(*tasks: Awaitable[int | None]) -> list[int | BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_while_an_insert_runs_goes_together_into_the_next() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(data) for data in (b"a", b"b", b"c")]
    await turns(lambda: clickhouse.inserts)
    assert clickhouse.tokens == ["token of b'a'"]  # alone it keeps its own token
    clickhouse.free.set()
    assert await ended(*tasks) == [None, None, None]
    assert clickhouse.inserts == [b"a", b"bc"]


@pytest.mark.parametrize(("wait_s", "together"), [(60.0, True), (0.0, False)])
async def test_after_a_group_the_next_insert_waits_a_little_for_as_many(
    monkeypatch: pytest.MonkeyPatch, wait_s: float, together: bool
) -> None:
    monkeypatch.setattr(group_commit, "COMPANY_S", wait_s)
    clickhouse = ClickHouse()
    clickhouse.free.set()
    await ended(*(clickhouse.begin(data) for data in (b"a", b"b", b"c")))
    first = clickhouse.begin(b"d")
    if together:
        await turns(lambda: len(clickhouse.groups._waiting) == 1)
    else:
        await turns(lambda: len(clickhouse.inserts) == 3)
    await ended(first, clickhouse.begin(b"e"))
    assert clickhouse.inserts[2:] == ([b"de"] if together else [b"d", b"e"])


async def test_a_lone_sender_never_waits_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "COMPANY_S", 60.0)
    clickhouse = ClickHouse()
    clickhouse.free.set()
    for data in (b"a", b"b", b"c"):
        await clickhouse.begin(data)
    assert clickhouse.inserts == [b"a", b"b", b"c"]


async def test_blocks_of_small_requests_are_made_of_all_of_them_at_once() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin_body(body) for body in (b"a", b"b", b"c")]
    tasks += [clickhouse.begin(b"with blocks"), clickhouse.begin_body(b"d")]
    clickhouse.free.set()
    assert await ended(*tasks) == [None] * 5
    assert clickhouse.inserts == [b"A", b"BC", b"with blocks", b"D"]


async def test_an_odd_request_of_a_group_is_left_out_and_harms_no_other() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin_body(body) for body in (b"a", b"b", b"odd", b"c")]
    clickhouse.free.set()
    assert await ended(*tasks) == [None, None, ODD, None]
    assert clickhouse.inserts == [b"A", b"B", b"C"]
    assert clickhouse.tokens == ["token of b'a'", "token of b'b'", "token of b'c'"]


async def test_blocks_of_two_tables_are_joined_table_by_table() -> None:
    clickhouse = ClickHouse()
    clickhouse.free.set()
    mixed = [TableBlock("events", COLUMNS, b"c"), TableBlock("logs", COLUMNS, b"y")]
    tasks = [clickhouse.begin(b"a"), clickhouse.begin(b"b")]
    tasks += [clickhouse.begin_blocks([TableBlock("logs", COLUMNS, b"z")]), clickhouse.begin_blocks(mixed)]
    await ended(*tasks)
    assert clickhouse.inserts == [b"a", b"bczy"]


async def test_a_group_that_is_refused_is_inserted_one_by_one() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(data) for data in (b"a", b"b", b"x", b"c")]
    clickhouse.free.set()
    assert await ended(*tasks) == [None, None, 27, None]
    assert clickhouse.inserts == [b"a", b"bxc", b"b", b"x", b"c"]
    assert clickhouse.tokens[2:] == ["token of b'b'", "token of b'x'", "token of b'c'"]


async def test_all_of_a_group_try_again_when_clickhouse_is_away() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(data) for data in (b"a", b"b", b"!")]
    clickhouse.free.set()
    first, *others = await ended(*tasks)
    assert first is None
    assert [type(one) for one in others] == [RetryableError] * 2
    assert others[0] is not others[1]
    assert {(one.reason, one.after) for one in others if isinstance(one, RetryableError)} == {("it is away", 7.0)}


async def test_a_fault_of_our_own_reaches_every_request_of_the_group() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(data) for data in (b"a", b"b", b"?")]
    clickhouse.free.set()
    first, *others = await ended(*tasks)
    assert first is None
    assert [type(one) for one in others] == [ZeroDivisionError] * 2


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(1, 10), (4_000, 10), (4_000, 10), (1, 10)], [1, 2, 1]),
        ([(1, 10), (9_000, 10), (1, 10)], [1, 1, 1]),
        ([(1, 10), (1, 9 << 20), (1, 9 << 20)], [1, 1, 1]),
    ],
)
async def test_groups_are_bounded(sizes: list[tuple[int, int]], expected: list[int]) -> None:
    clickhouse = ClickHouse()
    tasks = [
        clickhouse.begin(bytes([65 + place]) * size, records=records) for place, (records, size) in enumerate(sizes)
    ]
    clickhouse.free.set()
    await ended(*tasks)
    assert [len(set(data)) for data in clickhouse.inserts] == expected


async def test_a_request_that_is_given_up_before_its_insert_is_not_inserted() -> None:
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(data) for data in (b"a", b"b", b"c")]
    await turns(lambda: clickhouse.inserts)
    tasks[1].cancel()
    clickhouse.free.set()
    await ended(*tasks)
    assert clickhouse.inserts == [b"a", b"c"]


async def test_a_slow_insert_does_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "SLOW_S", 0.0)
    monkeypatch.setattr(group_commit, "MOST_RECORDS", 1)
    clickhouse = ClickHouse()
    tasks = [clickhouse.begin(bytes([65 + number])) for number in range(6)]
    await turns(lambda: len(clickhouse.inserts) == group_commit.AT_ONCE)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(clickhouse.inserts) == group_commit.AT_ONCE
    clickhouse.free.set()
    assert await ended(*tasks) == [None] * 6
