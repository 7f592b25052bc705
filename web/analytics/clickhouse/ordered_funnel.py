"""People who take steps in order, from the events themselves, since sums know no order within a quarter of an hour.

For each person there is an array of the times of events that are steps. Level by level two more go along with it:
`start`: at each event, the latest first step from which a chain reached this level by then (0: none did). The latest one is the
only one that matters: what is within the time from an earlier start is within it from a later one.
`taken`: when that chain took this level first. So a chain is the earliest events that continue a start, and no event is two steps.
What a person took how long for is told by the chain that got there first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.figures import span_of
from web.analytics.clickhouse.retention import VALUES
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.sums import named
from web.analytics.funnel import (
    WITHIN,
    FunnelOfValue,
    FunnelQuery,
    OfferedStep,
    OrderedFunnel,
    OrderedStep,
    Step,
    suitable,
)
from web.analytics.models import Span
from web.analytics.names import is_event_name
from web.analytics.people_condition import EVERYBODY, PeopleCondition
from web.analytics.ranges import Range, Window

VALUES_MAX = 10
NAMES_MAX = 50
FIRST_LEVEL = """
    arrayMap((t, b) -> bitTest(b, 0) ? t : toInt64(0), at, bits) AS tried1,
    arrayFill(s -> s != 0, tried1) AS start1, start1 AS taken1"""
NEXT_LEVEL = """
    arrayPushFront(arrayPopBack(start{before}), 0) AS until{level},
    arrayMap((t, b, s) -> bitTest(b, {before}) AND s != 0 AND t - s <= within ? s : toInt64(0),
        at, bits, until{level}) AS tried{level},
    arrayFill(s -> s != 0, tried{level}) AS start{level},
    arrayFill(t -> t != 0, arrayMap((t, s, known) -> s != 0 AND s != known ? t : toInt64(0),
        at, tried{level}, arrayPushFront(arrayPopBack(start{level}), 0))) AS taken{level},
    arrayFirstIndex(s -> s != 0, start{level}) AS place{level},
    (taken{level}[place{level}] - taken{before}[place{level} - 1]) / 1000000 AS took{level}"""
# How many of each count there were, for the steps that any bot may have.
COUNTED = {
    "start": ("starts",), "message": ("messages",), "command": ("commands",), "persona": ("persona_choices",),
    "story": ("story_choices",), "answer": ("answers", "bot_messages"), "picture": ("pictures",), "refresh": ("refreshes",),
    "reaction": ("reactions",), "vote": ("votes",), "clear": ("clears",), "offer": ("offers",), "invoice": ("invoices",),
    "paid": ("payments",), "refund": ("refunds",), "block": ("blocks",),
}  # fmt: skip


class FunnelQueries:
    """Queries for funnels: one over events, bounded by the range, and two over sums for the steps that there are."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def offered(self, asked: Range, bot: Bot | None = None) -> tuple[OfferedStep, ...]:
        """The steps that people took within a range: those that any bot may have, then commands and events by their people."""
        reader = BotReader(self._clickhouse, bot)
        span = span_of(self._window(reader, asked))
        ((sums,),), rows = self._clickhouse.together(
            lambda: reader.rows("offered_counts", span),
            lambda: reader.rows("offered_names", {**span, "limit": NAMES_MAX}),
        )
        counts = named(sums)
        kinds = [
            OfferedStep(Step(kind), sum(counts[name] for name in names))
            for kind, names in COUNTED.items()
            if any(counts[name] for name in names)
        ]
        kind_of = {"command_counts": "command", "custom_counts": "event"}
        others = [
            OfferedStep(step, int(total))
            for kind, key, _, total in rows
            if is_event_name(key) and key != "start" and (step := Step.read(f"{kind_of[kind]}:{key}")) is not None
        ]
        return (*kinds, *others)

    def funnel(
        self,
        asked: Range,
        query: FunnelQuery,
        now: datetime,
        bot: Bot | None = None,
        who: PeopleCondition = EVERYBODY,
    ) -> OrderedFunnel:
        """Count the people of a range, of one bot or of all. Raises ClickHouseUnavailableError."""
        reader = BotReader(self._clickhouse, bot)
        window = self._window(reader, asked)
        steps = query.steps or suitable(self.offered(asked, bot))
        rows = self._rows(reader, window, query, steps, who) if steps else ()
        total = next((row for row in rows if not row[0]), None)
        values = sorted((row for row in rows if row[0]), key=lambda row: (not row[1], -row[3][0], row[2]))
        return OrderedFunnel(
            bot=bot.bot if bot else None,
            range=Span(window.start, window.end, window.zone.key, window.bucket),
            generated_at=now,
            within_s=int(WITHIN[query.within].total_seconds()),
            split=query.split,
            steps=_steps(steps, total),
            values=tuple(FunnelOfValue(row[2] if row[1] else None, _steps(steps, row)) for row in values)
            if query.split != "none"
            else (),
        )

    def _window(self, reader: BotReader, asked: Range) -> Window:
        first = 0
        if asked.start is None:
            ((first,),) = reader.rows("first_came", who="1")
        return asked.since(from_milliseconds(first * 1000) if first else None)

    def _rows(
        self, reader: BotReader, window: Window, query: FunnelQuery, steps: tuple[Step, ...], who: PeopleCondition
    ) -> Sequence[Sequence[Any]]:
        conditions, values = [], dict(who.values)
        for number, step in enumerate(steps):
            condition, given = step.condition(number)
            conditions.append(f"bitShiftLeft(toUInt8({condition}), {number})")
            values |= given
        types = [each for step in steps for each in step.types]
        levels = [NEXT_LEVEL.format(level=level, before=level - 1) for level in range(2, len(steps) + 1)]
        reached = ", ".join(f"start{level}[-1] != 0" for level in range(1, len(steps) + 1))
        medians = "".join(
            f", quantileExactInclusiveIf(0.5)(took{level}, start{level}[-1] != 0)" for level in range(2, len(steps) + 1)
        )
        values |= {
            "start": int(window.start.timestamp()),
            "end": int(window.end.timestamp()),
            "types": sorted(set(types)),
            "within": int(WITHIN[query.within].total_seconds()) * 10**9,
            "limit": VALUES_MAX,
        }
        return reader.rows(
            "funnel",
            values,
            bits=" + ".join(conditions),
            # an event that comes twice must be one where it could be two steps; its id is what takes most to read
            id="event_id" if len(set(types)) < len(types) else "0",
            people_only="1"
            if who == EVERYBODY
            else sql("only_people", who=who.sql, people="$people", of_bot="$of_bot"),
            levels=",".join((FIRST_LEVEL, *levels)),
            counts=f"sumForEach([{reached}]){medians}",
            value=VALUES["first" if query.split == "none" else query.split],
        )


def _steps(steps: tuple[Step, ...], row: Sequence[Any] | None) -> tuple[OrderedStep, ...]:
    people = (row[3] if row else ()) or [0] * len(steps)  # without any event there is no sum
    medians = [None, *(row[4:] if row else [None] * len(steps))][: len(steps)]
    return tuple(
        OrderedStep(str(step), int(number), float(median) if number and median is not None else None)
        for step, number, median in zip(steps, people, medians, strict=True)
    )
