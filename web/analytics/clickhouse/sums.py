"""Sums of what is counted: of everybody from `figures`, of a part of the people from what each of them did."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from chattrail.currencies import minor_digits
from web.analytics import models
from web.analytics.clickhouse.bots import BotReader

CURRENCIES_MAX = 100
DAY_S = 86_400
AMOUNT_DIGITS = 6  # of what was sent in units: more than any currency has, fewer than a float's noise
EXACT_ANSWERS = 50_000  # answer times of more are quantiles of bfloat16: up to 0.8 % too low
# What `figures.counts` counts, in its order: 0018_sums_as_arrays.sql has a name for each.
COUNTS = (
    "events", "messages", "bot_messages", "answers", "answer_failures", "pictures", "picture_failures", "refreshes", "commands",
    "starts", "persona_choices", "story_choices", "clears", "continues", "other_actions", "own_edits", "bot_edits", "deletions",
    "reactions", "votes", "offers", "invoices", "payments", "first_payments", "renewals", "refunds", "refusals", "cancellations",
    "blocks", "unblocks", "failures", "amounts_left_out", "durations_left_out", "tokens_left_out", "timed_answers",
    "input_tokens", "output_tokens",
)  # fmt: skip
HEADLINE = ("messages", "bot_messages", "answers", "pictures")  # in the order of the models that have them
# Counts that are no plain columns of `activity`, as the view fill_activity_by_slot has them (0019_people_and_models.sql).
OF_ACTIVITY = {
    "amounts_left_out": "amounts_left_out + (NOT abs(stars) <= 1e15)"
    " + arrayCount(v -> NOT v BETWEEN -1000000000000000 AND 1000000000000000, mapValues(revenue))"
    " + arrayCount(v -> NOT abs(v) <= 1e15, mapValues(revenue_units))",
    "tokens_left_out": "tokens_left_out + (input_tokens > 1e15) + (output_tokens > 1e15)",
    "input_tokens": "if(input_tokens <= 1e15, input_tokens, 0)",
    "output_tokens": "if(output_tokens <= 1e15, output_tokens, 0)",
}
LEFT_OUT = ("amounts_left_out", "tokens_left_out")  # may be counted where no event was

Number = int | float
Rows = Sequence[Sequence[Any]]
Times = tuple[float | None, float | None]


@dataclass(slots=True)
class Sums:
    """Sums of a range: counts by their names, stars, and money by currency in smallest units (`minor`) and in `units`."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    stars: float = 0.0
    minor: dict[str, int] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of counts in the order of COUNTS, stars and money."""
        counts, stars, minor, units = row
        return cls(named(counts), stars, dict(minor), dict(units))

    def add(self, other: "Sums") -> None:
        """Add what another range has."""
        self.stars += other.stars
        for own, others in ((self.counts, other.counts), (self.minor, other.minor), (self.units, other.units)):
            for name, number in others.items():
                own[name] = own.get(name, 0) + number  # type: ignore[assignment]

    @property
    def drawn(self) -> tuple[list[int], float]:
        """What Statistics draw of a bucket, as `buckets` (figures.sql) has it."""
        return [self.counts[name] for name in HEADLINE], self.stars

    @property
    def revenue(self) -> tuple[models.Revenue, ...]:
        """What is left of each currency, in the order of their codes."""
        currencies = sorted({*self.minor, *self.units})[:CURRENCIES_MAX]
        return revenue_of((each, self.minor.get(each, 0), self.units.get(each, 0)) for each in currencies)


def of_everybody(reader: BotReader, span: Mapping[str, int]) -> tuple[Sums, dict[int, Sums], Times]:
    """The sums of a range, none of its buckets, and answer times: median and 95 %, None when no answer has one."""
    *row, times = reader.row("sums", {**span, "limit": CURRENCIES_MAX})
    sums = Sums.of(row)
    timed = sums.counts["timed_answers"]
    if timed <= EXACT_ANSWERS:
        (times,) = reader.row("answer_times", span) if timed else ((math.nan, math.nan),)
    if timed and math.isnan(times[0]):
        (times,) = reader.row("answer_times_of_events", span)
    return sums, {}, _shown(times)


def of_part(
    reader: BotReader, edges: Sequence[int], span: Mapping[str, int], ever: Mapping[str, int]
) -> tuple[Sums, dict[int, Sums], Times]:
    """The sums of a range of a part of the people, and those of its buckets by their Unix seconds: at 0 is what has no time.

    `ever` says what was counted at all with anybody: columns of which all is 0 are not read.
    """
    counts = ", ".join(
        f"sum({OF_ACTIVITY.get(name, name)})" if ever[name] or name in LEFT_OUT else "0" for name in COUNTS
    )
    rows = reader.rows("sums_of_part", {**span, "edges": edges, "limit": CURRENCIES_MAX}, counts=counts)
    *rows, (*_, times) = rows or [((math.nan, math.nan),)]
    by_edge, total = {int(edge): Sums.of(row) for edge, *row, _ in rows}, Sums()
    for edge, sums in by_edge.items():
        if edge:
            total.add(sums)
    return total, by_edge, _shown(times)


def read_by(edges: Sequence[int], end: int) -> dict[str, Any]:
    """The parameters by which `figures` are read in buckets that begin at these edges, the last of which ends at `end`."""
    parts = sorted({at // DAY_S * DAY_S for at in (*edges, end) if at % DAY_S})
    return {"edges": edges, "start": edges[0], "end": end, "parts": parts}


def named(sums: Sequence[int]) -> dict[str, int]:
    """Sums of `figures.counts` by their names; all are 0 where there is no row."""
    return dict(zip(COUNTS, sums or [0] * len(COUNTS), strict=True))


def revenue_of(rows: Iterable[Sequence[Any]]) -> tuple[models.Revenue, ...]:
    """Revenue of (currency, sum in smallest units, sum in units), of which something is left."""
    made = []
    for currency, minor, units in rows:
        digits = minor_digits(currency)
        # a sum of 0 within a quarter of an hour is in no row of `activity`, so none may be anywhere
        if amount := round(float(Decimal(minor).scaleb(-digits) + Decimal(units)), AMOUNT_DIGITS):
            made.append(models.Revenue(currency, whole(amount), digits))
    return tuple(made)


def whole(number: float) -> Number:
    """5 stars, not 5.0: sums of a Float64 column that are whole."""
    return int(number) if number.is_integer() else number


def _shown(times: Sequence[float]) -> Times:
    p50, p95 = (None if math.isnan(each) else each for each in times)
    return p50, p95
