"""The judge of every run: what was acknowledged against what is stored, row by row, field by field, figure by figure."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.browser.stack import SETTLED
from tests.faults.load import FIGURES, IMAGE, Load, Row

COLUMNS = "toString(event_id), type, user_id, toUnixTimestamp64Nano(ts), toString(ts_source), sequence, attributes"
ARCHIVED = "SELECT count() FROM images FINAL WHERE status != 'pending'"


class Unverified(AssertionError):  # noqa: N818 -- reads as a verdict
    """The time was over before anything was decided. Never a pass."""


async def verified(condition: Callable[[], Any], what: str, within_s: float = 60.0) -> None:
    """Wait until a condition holds. Raises Unverified when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise Unverified(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`lost`: acknowledged and not stored. `extra`: rows and figures that are not as expected. `mismatch`: other contents."""

    lost: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    mismatch: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.extra or self.mismatch)

    def __str__(self) -> str:
        parts = (("lost", self.lost), ("extra", self.extra), ("mismatch", self.mismatch))
        return "; ".join(f"{name} {len(found)} {found[:4] if found else ''}".strip() for name, found in parts)


class Oracle:
    """Reads one database. `final=False` counts rows as they lie there, doubles and all."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def settled(self, load: Load, within_s: float = 60.0) -> None:
        """Wait until nothing is on its way any more: rows, figures and images. Returns in any case: `judge` tells."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not await asyncio.to_thread(self._settled, load):  # noqa: ASYNC110 -- another process has no event
                    await asyncio.sleep(0.05)

    async def judge(self, acknowledged: set[str], load: Load, *, final: bool = True) -> Verdict:
        """Compare what is stored with what must be."""
        return await asyncio.to_thread(self._judge, acknowledged, load, final)

    async def raw_rows(self) -> int:
        """Rows of `events`, doubles and all."""
        return int((await asyncio.to_thread(self._ask, "SELECT count() FROM events"))[0][0])

    async def forget_tokens(self, window: int) -> None:
        """Let `events` remember so many tokens only, and keep merges from taking the doubles away before they are counted."""
        await self.command("SYSTEM STOP MERGES events")
        for table in ("events", "stale_activity"):
            await self.command(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {window}")

    async def command(self, sql: str) -> None:
        """Run a statement."""
        await asyncio.to_thread(self._command, sql)

    def _settled(self, load: Load) -> bool:
        with self._client() as client, contextlib.suppress(DatabaseError):  # a table may be on its way back
            ((stored,),) = client.query("SELECT count() FROM events FINAL").result_rows
            ((even,),) = client.query(SETTLED).result_rows
            ((archived,),) = client.query(ARCHIVED).result_rows
            return stored >= len(load.expected) and bool(even) and archived >= len(load.images())
        return False

    def _judge(self, acknowledged: set[str], load: Load, final: bool) -> Verdict:
        verdict = Verdict()
        self._judge_rows(verdict, acknowledged, load, final)
        self._judge_figures(verdict, load)
        self._judge_dead_letters(verdict, load)
        self._judge_images(verdict, load)
        return verdict

    def _judge_rows(self, verdict: Verdict, acknowledged: set[str], load: Load, final: bool) -> None:
        stored: dict[str, tuple[Any, ...]] = {}
        for id_, *rest in self._ask(f"SELECT {COLUMNS} FROM events {'FINAL' if final else ''}"):
            if id_ in stored or id_ not in load.expected:
                verdict.extra.append(f"row {id_}")
            stored[id_] = tuple(rest)
        verdict.lost.extend(sorted(acknowledged - stored.keys()))
        for id_ in stored.keys() & load.expected.keys():
            verdict.mismatch.extend(f"{id_} {name}" for name in differences(load.expected[id_], stored[id_]))

    def _judge_figures(self, verdict: Verdict, load: Load) -> None:
        sums = ", ".join(f"sum({name})" for name in FIGURES)
        found = self._ask(f"SELECT user_id, {sums} FROM activity FINAL GROUP BY user_id")
        shown = {user: dict(zip(FIGURES, numbers, strict=True)) for user, *numbers in found}
        expected = load.figures()
        for user in shown.keys() | expected.keys():
            for name in FIGURES:
                is_, must = shown.get(user, {}).get(name, 0), expected.get(user, {}).get(name, 0)
                if is_ != must:
                    verdict.extra.append(f"figure {name} of {user}: {is_}, not {must}")

    def _judge_dead_letters(self, verdict: Verdict, load: Load) -> None:
        ((buried,),) = self._ask("SELECT count() FROM dead_letters FINAL")
        if buried > load.poison:
            verdict.extra.append(f"{buried} dead letters, not {load.poison}")
        if buried < load.poison:
            verdict.lost.append(f"{load.poison - buried} dead letters")

    def _judge_images(self, verdict: Verdict, load: Load) -> None:
        endings = dict(self._ask("SELECT toString(event_id), status FROM images FINAL"))
        for id_ in load.images():
            if endings.pop(id_, "absent") != "stored":
                verdict.lost.append(f"image of {id_}")
        verdict.extra.extend(f"image of {id_}" for id_ in endings)

    def _ask(self, sql: str) -> list[Any]:
        with self._client() as client:
            return list(client.query(sql).result_rows)

    def _command(self, sql: str) -> None:
        with self._client() as client:
            client.command(sql)

    def _client(self) -> Client:
        return clickhouse_connect.get_client(dsn=self._dsn, autogenerate_session_id=False)


def differences(row: Row, stored: tuple[Any, ...]) -> list[str]:
    """Names of the fields that differ."""
    type_, user, ts_ns, source, sequence, attributes = stored
    pairs = {
        "type": (row.type, type_),
        "user_id": (row.user, user),
        "ts": (row.ts_ns, ts_ns),
        "ts_source": (row.ts_source, source),
        "sequence": (row.attributes["event.sequence"], sequence),
    }
    wrong = [name for name, (must, is_) in pairs.items() if must != is_]
    sent = {name: value for name, value in row.attributes.items() if name != IMAGE}
    wrong += [name for name, value in sent.items() if not _same(value, attributes.get(name))]
    return wrong + sorted(attributes.keys() - sent.keys() - {"event.id"})


def _same(sent: Any, stored: str | None) -> bool:
    if stored is None:
        return False
    if isinstance(sent, int | float):
        return float(stored) == float(sent)
    return bool(sent == stored)
