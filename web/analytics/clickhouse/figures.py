"""Figures of the Statistics page, from the rollup `activity`; web/texts describes how each is counted (`counted`)."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from web.analytics import models
from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.cost import cost
from web.analytics.clickhouse.funnel import chosen_steps, funnel
from web.analytics.clickhouse.loss_accounting import loss_accounting
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.sums import (
    DAY_S,
    HEADLINE,
    Number,
    Rows,
    named,
    of_everybody,
    of_part,
    read_by,
    whole,
)
from web.analytics.people_condition import PeopleCondition
from web.analytics.prices import PriceTable
from web.analytics.ranges import EARLIEST, Range, Window

KEYS_MAX = 100
LANGUAGES_MAX = 300
IMAGE_REASONS_MAX = 20
NAMES_CACHED_S = 60.0
EARLIEST_S = int(datetime(EARLIEST.year, EARLIEST.month, EARLIEST.day, tzinfo=UTC).timestamp())
CHOICES = ("personas", "stories")
CHAT = ("own_edits", "bot_edits", "deletions", "reactions", "votes")  # in the order of the model


class FigureQueries:
    """Queries for figures; caches the names of personas and stories for a minute, since they hardly ever change."""

    def __init__(self, clickhouse: ClickHouse, prices: PriceTable | None = None) -> None:
        self._clickhouse, self._prices = clickhouse, prices
        self._names: dict[tuple[object, ...], tuple[float, str]] = {}

    def first_event_at(self, now: datetime, bot: Bot | None = None) -> datetime | None:
        """When the first event happened, of one bot or of all; None before there is one."""
        reader = BotReader(self._clickhouse, bot)
        count, first, *_ = reader.row("extent", {"earliest": EARLIEST_S, "now": _epoch(now)})
        return from_milliseconds(first) if count else None

    def stats(
        self,
        asked: Range,
        now: datetime,
        bot: Bot | None = None,
        steps: tuple[str, ...] = (),
        who: PeopleCondition | None = None,
    ) -> models.Stats:
        """All figures of a range, of one bot or of all, of everybody or of a part of the people.

        `steps` are those of the funnel where the usual ones will not do. What belongs to nobody is in the figures of everybody
        alone; the range of all time, loss accounting and the state of images are always those of everybody.
        """
        reader = BotReader(self._clickhouse, bot)
        extent = {"earliest": EARLIEST_S, "now": _epoch(now)}
        (count, first, newest, sums, untimed), reader = self._clickhouse.together(
            lambda: reader.row("extent", extent), lambda: reader.of_part(who) if who else reader
        )
        ever = named(sums)
        window = asked.since(from_milliseconds(first) if count else None)
        span, steps, edges = span_of(window), chosen_steps(ever, steps), Edges(window)
        (total, by_edge, (p50, p95)), *others = self._clickhouse.together(
            lambda: of_part(reader, edges.within, span, ever) if reader.part else of_everybody(reader, span),
            lambda: [
                reader.row("headline_of_part", {**span, "before": edge}) for edge in edges.before * bool(reader.part)
            ],
            lambda: _people_and_steps(reader, span, steps),
            lambda: reader.rows("buckets", edges.asked),
            lambda: reader.rows("new_people", edges.asked),
            lambda: self._choices(reader, span, bool(ever["persona_choices"] or ever["story_choices"])),
            lambda: reader.rows("languages", {**span, "limit": LANGUAGES_MAX}),
            lambda: cost(reader, window, edges.before + edges.within, edges.within[0], self._prices, ever),
            lambda: loss_accounting(self._clickhouse, window),
            lambda: _image_stats(self._clickhouse),
        )
        before, (people, reached), counted, new_people, choices, languages, spent, lost, images = others
        if reader.part:
            drawn = {edge: sums.drawn for edge, sums in by_edge.items()} | dict(zip(edges.before, before, strict=True))
            counted = [(edge, number, *drawn[edge]) for edge, number, *_ in counted if edge in drawn]
            untimed = by_edge[0].counts["events"] if 0 in by_edge else 0
        series, activity = edges.table(counted, new_people)
        counts, stars = total.counts, total.stars
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
            cost=spent,
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
                total.revenue,
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
        for kind, *row in reader.rows("choices_of_part" if reader.part else "choices", {**span, "limit": KEYS_MAX}):
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
        self.before = [] if window.previous_start is None else [_epoch(window.previous_start)]
        self.within = [_epoch(edge) for edge in self._edges]
        self.asked = read_by(self.before + self.within, _epoch(window.end))

    def table(
        self, counted: Rows, new_people: Rows
    ) -> tuple[list[tuple[Number | None, tuple[Number, ...]]], tuple[models.ActivityPoint, ...]]:
        """The previous value and the series of each headline figure, in the order of Figures, and the points of the chart."""
        counts = {edge: row for edge, *row in counted}
        new = {edge: int(number) for edge, number in new_people}

        def row(edge: int) -> list[Number]:
            people, sums, stars = counts.get(edge, (0, [0] * len(HEADLINE), 0.0))
            return [people, new.get(edge, 0), *sums, whole(stars)]

        table = [row(_epoch(edge)) for edge in self._edges]
        previous: Sequence[Number | None] = row(self.before[0]) if self.before else [None] * len(table[0])
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


def _people_and_steps(reader: BotReader, span: dict[str, int], steps: tuple[str, ...]) -> Sequence[Any]:
    counts, values = funnel(steps, reader.part)
    return reader.row("people_and_steps", {**span, **values}, steps=counts)


def _image_stats(clickhouse: ClickHouse) -> models.ImageStats:
    """The images of all events of all time, as they are now."""
    archived, pending, failed, erased, oldest = clickhouse.row(sql("image_states"))
    (size,) = clickhouse.row(sql("image_bytes")) if archived else (0,)
    reasons = clickhouse.rows(sql("image_failures"), {"limit": IMAGE_REASONS_MAX}) if failed else ()
    oldest_pending_at = from_milliseconds(oldest) if pending else None
    failures = tuple(models.ImageFailures(*row) for row in reasons)
    return models.ImageStats(archived, pending, failed, erased, size, oldest_pending_at, failures)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
