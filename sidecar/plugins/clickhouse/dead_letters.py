"""Dead letters as they lie in ClickHouse: counted by reason, read page by page, deleted."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.clickhouse import connection_options
from common.error_location import first_line
from sidecar.errors import RetryableError
from sidecar.otlp.wire import Origin

PAGE_RECORDS = 500
PAGE_BYTES = 4 << 20
DELETE_AT_ONCE = 40  # their names travel in an address, which servers limit to 8 KiB
# Resources and scopes are stored before the letters that name them: those of a batch on its way are younger.
UNNAMED_KEPT_S = 3600
DELETE_UNNAMED = f"""
DELETE FROM dead_letter_origins
WHERE received_at < now64(3) - INTERVAL {UNNAMED_KEPT_S} SECOND AND digest NOT IN (SELECT origin FROM dead_letters)
"""  # noqa: S608 -- a number of our own


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead letters of one reason; `reason` is as short as the sidecar wrote it and never quotes the record."""

    reason: str
    event_name: str
    letters: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record as `dead_letters` keeps it."""

    batch: str
    position: int
    event_name: str
    raw: bytes  # without resource and scope where `origin` names them
    origin: str


def dead_letter_groups(url: str) -> list[DeadLetterGroup]:
    """Dead letters by reason and type of event, most first. Raises RetryableError when ClickHouse does not answer."""
    try:
        client: Client = clickhouse_connect.get_client(**connection_options(url))
        with client:
            rows = client.query(
                # By content: a collector that was killed may bring a record again in other company, and that letter is a row
                # more. The resource is part of it, also where it is kept in a table of its own.
                "SELECT reason, event_name, uniqExact(sipHash128(raw, origin)) AS letters, min(received_at), max(received_at)"
                " FROM dead_letters FINAL GROUP BY reason, event_name ORDER BY letters DESC, reason, event_name"
            ).result_rows
    except (ClickHouseError, OSError) as error:
        raise RetryableError(f"the dead letters can't be read: {first_line(error)}") from None
    return [DeadLetterGroup(*row[:3], *(moment.replace(tzinfo=UTC) for moment in row[3:])) for row in rows]


async def pages(client: AsyncClient, reason: str) -> AsyncIterator[list[DeadLetter]]:
    """All letters in order, a bounded number of bytes at a time; each once, even those that stay."""
    after = ("", -1)
    where = "FROM dead_letters FINAL WHERE (batch, toInt64(position)) > ({batch:String}, {position:Int64})"
    where += " AND ({reason:String} = '' OR reason = {reason:String})"
    while True:
        asked: dict[str, object] = {"batch": after[0], "position": after[1], "reason": reason}
        first = f"{where} ORDER BY batch, position LIMIT {PAGE_RECORDS}"
        letters = (await client.query(f"SELECT length(raw), origin {first}", parameters=asked)).result_rows
        if not letters:
            return
        origins: dict[str, int] = {}
        if any(origin for _, origin in letters):
            named = f"SELECT digest, length(raw) FROM dead_letter_origins FINAL WHERE digest IN (SELECT origin {first})"  # noqa: S608
            for digest, size in (await client.query(named, parameters=asked)).result_rows:
                origins[digest] = size
        # a resource and scope is loaded once for all letters of a page
        limit = _as_many([size + origins.pop(origin, 0) for size, origin in letters])
        found = await client.query(
            f"SELECT batch, position, event_name, hex(raw), origin {where} ORDER BY batch, position LIMIT {limit}",
            parameters=asked,
        )
        page = [
            DeadLetter(batch, at, name, bytes.fromhex(raw), origin)
            for batch, at, name, raw, origin in found.result_rows
        ]
        if not page:
            return
        after = (page[-1].batch, page[-1].position)
        yield page


async def origins_of(client: AsyncClient, letters: Sequence[DeadLetter]) -> dict[str, Origin]:
    """The resources and scopes that letters name."""
    found = {}
    for name in {letter.origin for letter in letters if letter.origin}:
        query = "SELECT hex(raw) FROM dead_letter_origins FINAL WHERE digest = {name:String}"
        rows = (await client.query(query, parameters={"name": name})).result_rows
        if not rows:
            raise RetryableError(
                f"dead_letter_origins has no row {name}, which dead letters name: bring it back from a backup"
            )
        found[name] = Origin.of(bytes.fromhex(rows[0][0]))[0]
    return found


def _as_many(sizes: Sequence[int]) -> int:
    """How many of them fit into a page; one always does."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > PAGE_BYTES:
            return count
    return len(sizes)


async def delete(client: AsyncClient, letters: Sequence[DeadLetter]) -> None:
    """Delete letters, a few at a time."""
    for begin in range(0, len(letters), DELETE_AT_ONCE):
        names = [(letter.batch, letter.position) for letter in letters[begin : begin + DELETE_AT_ONCE]]
        await client.command(
            "DELETE FROM dead_letters WHERE (batch, position) IN {names:Array(Tuple(String, UInt32))}",
            parameters={"names": names},
        )


async def delete_unnamed(client: AsyncClient) -> None:
    """Delete the resources and scopes that no letter names any more."""
    await client.command(DELETE_UNNAMED, settings={"allow_nondeterministic_mutations": 1})
