"""Figures of the Statistics page, from the rollup `activity`; web/texts describes how each is counted (`counted`)."""

import math
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chattrail.currencies import minor_digits
from web.analytics import models
from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.funnel import chosen_steps, funnel
from web.analytics.clickhouse.loss_accounting import loss_accounting
from web.analytics.clickhouse.sql import sql
from web.analytics.ranges import EARLIEST, Range, Window

KEYS_MAX = 100
CURRENCIES_MAX = 100
AMOUNT_DIGITS = 6  # of what was sent in units: more than any currency has, fewer than a float's noise
LANGUAGES_MAX = 300
IMAGE_REASONS_MAX = 20
NAMES_CACHED_S = 60.0
EARLIEST_S = int(datetime(EARLIEST.year, EARLIEST.month, EARLIEST.day, tzinfo=UTC).timestamp())
CHOICES = ("personas", "stories")
# What `figures.counts` counts, in its order: 0018_sums_as_arrays.sql has an ALIAS for each.
COUNTS = (
    "events", "messages", "bot_messages", "answers", "answer_failures", "pictures", "picture_failures", "refreshes", "commands",
    "starts", "persona_choices", "story_choices", "clears", "continues", "other_actions", "own_edits", "bot_edits", "deletions",
    "reactions", "votes", "offers", "invoices", "payments", "first_payments", "renewals", "refunds", "refusals", "cancellations",
    "blocks", "unblocks", "failures", "amounts_left_out", "durations_left_out", "tokens_left_out", "timed_answers",
    "input_tokens", "output_tokens",
)  # fmt: skip
# Counts in the order of the models that have them.
HEADLINE = ("messages", "bot_messages", "answers", "pictures")
CHAT = ("own_edits", "bot_edits", "deletions", "reactions", "votes")
DAY_S = 86_400
EXACT_ANSWERS = 50_000  # answer times of more are quantiles of bfloat16: up to 0.8 % too low

Number = int | float
Rows = Sequence[Sequence[Any]]


class FigureQueries:
    """Queries for figures; caches the names of personas and stories for a minute, since they hardly ever change."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._names: dict[tuple[object, ...], tuple[float, str]] = {}

    def stats(self, asked: Range, now: datetime, bot: Bot | None = None, steps: tuple[str, ...] = ()) -> models.Stats:
        """All figures of a range, of one bot or of all; `steps` are those of the funnel where the usual ones will not do."""
        reader = BotReader(self._clickhouse, bot)
        count, first, newest, taken, untimed = reader.row("extent", {"earliest": EARLIEST_S, "now": _epoch(now)})
        window = asked.since(from_milliseconds(first) if count else None)
        span, steps = span_of(window), chosen_steps(taken, steps)
        edges = Edges(window)
        totals, counted, new_people, choices, languages, lost, images = self._clickhouse.together(
            lambda: _totals(reader, span, steps),
            lambda: reader.rows("buckets", edges.asked),
            lambda: reader.rows("new_people", edges.asked),
            lambda: self._choices(reader, span, any(taken[1:3])),
            lambda: reader.rows("languages", {**span, "limit": LANGUAGES_MAX}),
            lambda: loss_accounting(self._clickhouse, window),
            lambda: _image_stats(self._clickhouse),
        )
        series, activity = edges.table(counted, new_people)
        people, counts, stars, minor, units, p50, p95, reached = totals
        headline = (people, sum(series[1][1]), *(counts[name] for name in HEADLINE), whole(stars))
        personas, stories, commands, custom = choices
        return models.Stats(
            bot=bot.bot if bot else None,
            range=models.Span(window.start, window.end, window.zone.key, window.bucket),
            generated_at=now,
            newest_event_at=from_milliseconds(newest) if count else None,
            figures=models.Figures(
                *(models.Figure(total, *column) for total, column in zip(headline, series, strict=True))
            ),
            activity=activity,
            funnel=tuple(models.FunnelStep(step, number) for step, number in zip(steps, reached, strict=True)),
            personas=personas,
            stories=stories,
            commands=tuple(models.CommandCount(name, number) for name, _, number in commands),
            custom=tuple(models.CustomCount(*row) for row in custom),
            languages=tuple(models.LanguagePeople(*row) for row in languages),
            pictures=models.Images(*(counts[name] for name in ("pictures", "refreshes", "picture_failures"))),
            chat=models.Chat(*(counts[name] for name in CHAT)),
            ai=models.Ai(
                counts["answers"], counts["answer_failures"], counts["input_tokens"], counts["output_tokens"], p50, p95
            ),
            premium=models.Premium(
                counts["offers"],
                counts["invoices"],
                counts["payments"],
                counts["first_payments"],
                counts["renewals"],
                counts["refunds"],
                counts["refusals"],
                counts["cancellations"],
                whole(stars),
                revenue_of(
                    (each, minor.get(each, 0), units.get(each, 0)) for each in sorted({*minor, *units})[:CURRENCIES_MAX]
                ),
            ),
            blocks=models.Blocks(counts["blocks"], counts["unblocks"]),
            failures=counts["failures"],
            left_out=models.LeftOut(
                counts["amounts_left_out"], counts["durations_left_out"], counts["tokens_left_out"], untimed
            ),
            loss_accounting=lost,
            image_stats=images,
        )

    def languages(self, bot: Bot | None = None) -> tuple[models.LanguagePeople, ...]:
        """Languages of all people ever, most frequent first."""
        rows = BotReader(self._clickhouse, bot).rows("all_languages", {"limit": LANGUAGES_MAX})
        return tuple(models.LanguagePeople(*row) for row in rows)

    def names(self, kind: str, ids: Sequence[str], bot: Bot | None = None) -> dict[str, str]:
        """The names under which these `personas` or `stories` were chosen last, or their ids where no name was sent."""
        found = self._names_of(BotReader(self._clickhouse, bot), True, [(kind, each) for each in ids])
        return {each: found.get((kind, each), each) for each in ids}

    def persona_name(self, persona_id: str, bot: Bot | None = None) -> str:
        """The name under which a persona was chosen last, or its id where no name was sent."""
        return self.names("personas", [persona_id], bot)[persona_id]

    def _choices(
        self, reader: BotReader, span: dict[str, int], chosen: bool
    ) -> tuple[tuple[models.Choice, ...], tuple[models.Choice, ...], Rows, Rows]:
        """Personas and stories with their names, commands and custom events as rows of name, people and number."""
        found: dict[str, list[Sequence[Any]]] = {
            "command_counts": [],
            "custom_counts": [],
            **{kind: [] for kind in CHOICES},
        }
        for kind, *row in reader.rows("choices", {**span, "limit": KEYS_MAX}):
            found[kind].append(row)
        names = self._names_of(reader, chosen, [(kind, row[0]) for kind in CHOICES for row in found[kind]])
        personas, stories = (
            tuple(models.Choice(key, names.get((kind, key), key), *row) for key, *row in found[kind])
            for kind in CHOICES
        )
        return personas, stories, found["command_counts"], found["custom_counts"]

    def _names_of(self, reader: BotReader, chosen: bool, ids: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
        now = time.monotonic()
        cached = {each: self._names.get((reader.bot, *each), (0.0, "")) for each in ids}
        unknown = [each for each, (until, _) in cached.items() if until <= now]
        names = {each: name for each, (until, name) in cached.items() if until > now}
        if unknown:
            asked = sorted({key.encode().hex() for _, key in unknown})
            rows = reader.rows("names", {"ids": asked})
            if chosen and not rows:
                rows = reader.rows("names_of_events", {"ids": asked})
            names |= {(kind, key): str(name) for kind, key, name in rows}
            found = {(reader.bot, *each): (now + NAMES_CACHED_S, names.get(each, each[1])) for each in unknown}
            self._names = {key: kept for key, kept in self._names.items() if kept[0] > now} | found
        return names


class Edges:
    """The buckets of a range. The stretch before the range is one more bucket."""

    def __init__(self, window: Window) -> None:
        self._edges = window.edges()
        self._before = [] if window.previous_start is None else [_epoch(window.previous_start)]
        edges = self._before + [_epoch(edge) for edge in self._edges]
        self.asked = {"edges": edges, "start": edges[0], "end": _epoch(window.end)}

    def table(
        self, counted: Rows, new_people: Rows
    ) -> tuple[list[tuple[Number | None, tuple[Number, ...]]], tuple[models.ActivityPoint, ...]]:
        """The previous value and the series of each headline figure, in the order of Figures, and the points of the chart."""
        counts = {edge: row for edge, *row in counted}
        new = {edge: int(number) for edge, number in new_people}

        def row(edge: int) -> list[Number]:
            people, sums, stars = counts.get(edge, (0, (), 0.0))
            others = named(sums)
            return [people, new.get(edge, 0), *(others[name] for name in HEADLINE), whole(stars)]

        table = [row(_epoch(edge)) for edge in self._edges]
        previous: Sequence[Number | None] = row(self._before[0]) if self._before else [None] * len(table[0])
        points = zip(self._edges, table, strict=True)
        return (
            list(zip(previous, zip(*table, strict=True), strict=True)),
            tuple(models.ActivityPoint(at, int(people), *map(int, others)) for at, (people, _, *others, _) in points),
        )


def span_of(window: Window) -> dict[str, int]:
    """A range as parameters: `days_start` to `days_end` are its whole days in UTC, none when both are its end."""
    start, end = _epoch(window.start), _epoch(window.end)
    first, last = -(-start // DAY_S) * DAY_S, end // DAY_S * DAY_S
    if first >= last:
        first = last = end
    return {"start": start, "end": end, "days_start": first, "days_end": last}


def _totals(reader: BotReader, span: dict[str, int], steps: tuple[str, ...]) -> list[Any]:
    """The row of `totals`, with answer times (None when no answer has one) in place of what they are made from."""
    counts, values = funnel(steps)
    asked = {**span, **values, "limit": CURRENCIES_MAX}
    people, sums, *money, times, reached = reader.row("totals", asked, steps=counts)
    sums_by_name = named(sums)
    timed = sums_by_name["timed_answers"]
    if timed <= EXACT_ANSWERS:
        (times,) = reader.row("answer_times", span) if timed else ((None, None),)
    if timed and math.isnan(times[0]):
        (times,) = reader.row("answer_times_of_events", span)
    shown = (None if each is None or math.isnan(each) else each for each in times)
    return [people, sums_by_name, *money, *shown, reached]


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


def _image_stats(clickhouse: ClickHouse) -> models.ImageStats:
    """The images of all events of all time, as they are now."""
    archived, pending, failed, erased, oldest = clickhouse.row(sql("image_states"))
    (size,) = clickhouse.row(sql("image_bytes")) if archived else (0,)
    reasons = clickhouse.rows(sql("image_failures"), {"limit": IMAGE_REASONS_MAX}) if failed else ()
    oldest_pending_at = from_milliseconds(oldest) if pending else None
    failures = tuple(models.ImageFailures(*row) for row in reasons)
    return models.ImageStats(archived, pending, failed, erased, size, oldest_pending_at, failures)


def whole(number: float) -> Number:
    """5 stars, not 5.0: sums of a Float64 column that are whole."""
    return int(number) if number.is_integer() else number


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
