"""Premium by Telegram Stars: a ledger of payments that says until when a person has it."""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.content.plans import Plan

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: a payment, or the refund of one. Lines are only ever added."""

    kind: str  # "paid" or "refunded"
    person: int
    charge_id: str
    plan: str
    days: int
    stars: int
    at: float


class Store(Protocol):
    """Keeps the lines of the ledger."""

    async def add(self, entry: Entry) -> None:
        """Keep a line; it is durable when this returns."""
        ...

    async def of(self, person: int) -> list[Entry]:
        """Give a person's lines in the order they were added."""
        ...


class FileStore:
    """Lines of JSON in a file, or only in memory without one. For one process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[int, list[Entry]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                # A line cut short by a crash was never acknowledged; Telegram tells of that payment again.
                with suppress(ValueError, TypeError):
                    self._keep(Entry(**json.loads(line)))

    async def add(self, entry: Entry) -> None:
        """Append to the file first, then to memory."""
        if self._path is not None:
            await asyncio.to_thread(_append, self._path, json.dumps(asdict(entry)))
        self._keep(entry)

    async def of(self, person: int) -> list[Entry]:
        """Give a person's lines."""
        return list(self._entries.get(person, ()))

    def _keep(self, entry: Entry) -> None:
        self._entries.setdefault(entry.person, []).append(entry)


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")  # the newline in front ends a line that a crash cut short
        file.flush()
        os.fsync(file.fileno())


class RedisStore:
    """A Redis list for each person, without expiry."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def add(self, entry: Entry) -> None:
        """Append to the person's list."""
        await self._redis.rpush(self._key(entry.person), json.dumps(asdict(entry)))

    async def of(self, person: int) -> list[Entry]:
        """Give a person's lines."""
        return [Entry(**json.loads(line)) for line in await self._redis.lrange(self._key(person), 0, -1)]

    @staticmethod
    def _key(person: int) -> str:
        return f"chattrail:premium:{person}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands: until when they have premium, and by which plan."""

    until: datetime | None = None
    plan: str | None = None

    def active(self, now: datetime) -> bool:
        """Whether premium holds now."""
        return self.until is not None and now < self.until


class Ledger:
    """Payments by charge id: telling the same payment or refund twice changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()

    async def paid(self, person: int, plan: Plan, charge_id: str, now: datetime) -> bool:
        """Enter a payment. False when it was entered before."""
        async with self._lock:
            if any(entry.charge_id == charge_id for entry in await self._store.of(person)):
                return False
            entry = Entry("paid", person, charge_id, plan.id, plan.days, plan.stars, now.timestamp())
            await self._store.add(entry)
            return True

    async def refunded(self, person: int, charge_id: str, now: datetime) -> bool:
        """Enter a refund. False when it was entered before, or there is no such payment."""
        async with self._lock:
            entries = [entry for entry in await self._store.of(person) if entry.charge_id == charge_id]
            if [entry.kind for entry in entries] != ["paid"]:
                return False
            paid = entries[0]
            refund = Entry("refunded", person, charge_id, paid.plan, paid.days, paid.stars, now.timestamp())
            await self._store.add(refund)
            return True

    async def standing(self, person: int) -> Standing:
        """Add up the payments that were not refunded; one paid during another's time begins after it."""
        entries = await self._store.of(person)
        refunded = {entry.charge_id for entry in entries if entry.kind == "refunded"}
        standing = Standing()
        for entry in entries:
            if entry.kind == "paid" and entry.charge_id not in refunded:
                at = datetime.fromtimestamp(entry.at, UTC)
                begin = at if standing.until is None else max(at, standing.until)
                standing = Standing(begin + timedelta(days=entry.days), entry.plan)
        return standing
