"""Premium by Telegram Stars: a ledger of payments that says until when a person has it."""

import asyncio
import json
import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

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


class FileStore:
    """Lines of JSON in a file, or only in memory without one. For one process. A line is durable when `add` returns."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: defaultdict[int, list[Entry]] = defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else ():
            # A line cut short by a crash was never acknowledged; Telegram sends that payment again.
            with suppress(ValueError, TypeError):
                entry = Entry(**json.loads(line))
                self._entries[entry.person].append(entry)

    async def add(self, entry: Entry) -> None:
        """Append to the file first, then to memory."""
        if self._path is not None:
            await asyncio.to_thread(_append, self._path, json.dumps(asdict(entry)))
        self._entries[entry.person].append(entry)

    async def of(self, person: int) -> list[Entry]:
        """Return a person's lines."""
        return list(self._entries.get(person, ()))


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
        await self._redis.rpush(f"chattrail:premium:{entry.person}", json.dumps(asdict(entry)))

    async def of(self, person: int) -> list[Entry]:
        """Return a person's lines."""
        return [Entry(**json.loads(line)) for line in await self._redis.lrange(f"chattrail:premium:{person}", 0, -1)]


@dataclass(frozen=True, slots=True)
class PremiumStatus:
    """Until when a person has premium, and by which plan."""

    until: datetime | None = None
    plan: str | None = None

    def active(self, now: datetime) -> bool:
        """Whether premium holds now."""
        return self.until is not None and now < self.until


class Ledger:
    """Payments by charge id: entering the same payment or refund twice changes nothing."""

    def __init__(self, store: FileStore | RedisStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()

    async def paid(self, person: int, plan: Plan, charge_id: str, now: datetime) -> bool:
        """Enter a payment. False when it was entered before."""
        entry = Entry("paid", person, charge_id, plan.id, plan.days, plan.stars, now.timestamp())
        async with self._lock:
            is_new = not await self._of_charge(person, charge_id)
            if is_new:
                await self._store.add(entry)
            return is_new

    async def refunded(self, person: int, charge_id: str, now: datetime) -> bool:
        """Enter a refund. False when it was entered before, or there is no such payment."""
        async with self._lock:
            entries = await self._of_charge(person, charge_id)
            if [entry.kind for entry in entries] != ["paid"]:
                return False
            await self._store.add(replace(entries[0], kind="refunded", at=now.timestamp()))
            return True

    async def status(self, person: int) -> PremiumStatus:
        """Add up the payments that were not refunded; one paid during another's time begins after it."""
        entries = await self._store.of(person)
        refunded = {entry.charge_id for entry in entries if entry.kind == "refunded"}
        status = PremiumStatus()
        for entry in entries:
            if entry.kind == "paid" and entry.charge_id not in refunded:
                at = datetime.fromtimestamp(entry.at, UTC)
                begin = at if status.until is None else max(at, status.until)
                status = PremiumStatus(begin + timedelta(days=entry.days), entry.plan)
        return status

    async def _of_charge(self, person: int, charge_id: str) -> list[Entry]:
        return [entry for entry in await self._store.of(person) if entry.charge_id == charge_id]
