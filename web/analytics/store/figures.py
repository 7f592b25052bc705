"""Figures of the Statistics page, from the rollup `activity`; how each is counted stands in `web.analytics.metric_definitions`."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from web.analytics.models import (
    ActivityPoint,
    Ai,
    Blocks,
    Choice,
    CommandCount,
    Figure,
    Figures,
    FunnelStep,
    LanguagePeople,
    LeftOut,
    Pictures,
    Premium,
    Span,
    Stats,
)
from web.analytics.ranges import EARLIEST, Range, Window
from web.analytics.store.client import ClickHouse
from web.analytics.store.image_stats import archive
from web.analytics.store.loss_accounting import delivery
from web.analytics.store.sql import sql
from web.analytics.store.times import moment

STEPS = ("start", "persona", "story", "answer", "paid")
KEYS_MAX = 100
LANGUAGES_MAX = 300
NAMES_KEPT_S = 60.0
EARLIEST_S = int(datetime(EARLIEST.year, EARLIEST.month, EARLIEST.day, tzinfo=UTC).timestamp())
CHOICES = {  # map column: (column of events, event type, attribute that has the name)
    "personas": ("persona_id", "persona_selected", "chattrail.persona.name"),
    "stories": ("story_id", "story_selected", "chattrail.story.name"),
}


class FigureQueries:
    """Asks for figures; keeps the names of personas and stories for a minute, since they hardly ever change."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._names: dict[str, tuple[float, str]] = {}

    def stats(self, asked: Range, now: datetime) -> Stats:
        """All figures of a range."""
        count, first, newest = self._clickhouse.row(sql("extent"), {"earliest": EARLIEST_S, "now": _epoch(now)})
        window = asked.since(moment(first) if count else None)
        span = {"start": _epoch(window.start), "end": _epoch(window.end)}
        figures, activity = self._headline(window)
        (
            people, messages, answers, answer_failures, input_tokens, output_tokens, made, refreshed, picture_failures,
            offers, invoices, payments, refunds, stars, blocked, unblocked, failures, *left_out,
        ) = self._clickhouse.row(sql("totals"), span)  # fmt: skip
        timed, times = self._clickhouse.row(sql("answer_times"), span)
        p50, p95 = times if timed else (None, None)
        values = (people, sum(figures["new_people"].series), messages, answers, made, whole(stars))
        return Stats(
            range=Span(window.start, window.end, window.zone.key, window.bucket),
            generated_at=now,
            newest_event_at=moment(newest) if count else None,
            figures=Figures(
                *(
                    Figure(value, figure.previous, figure.series)
                    for value, figure in zip(values, figures.values(), strict=True)
                )
            ),
            activity=activity,
            funnel=tuple(
                FunnelStep(step, number)
                for step, number in zip(STEPS, self._clickhouse.row(sql("funnel"), span), strict=True)
            ),
            personas=self._choices("personas", span),
            stories=self._choices("stories", span),
            commands=tuple(CommandCount(name, number) for name, _, number in self._by_key("command_counts", span)),
            languages=tuple(
                LanguagePeople(*row)
                for row in self._clickhouse.rows(sql("languages"), {**span, "limit": LANGUAGES_MAX})
            ),
            pictures=Pictures(made, refreshed, picture_failures),
            ai=Ai(answers, answer_failures, input_tokens, output_tokens, p50, p95),
            premium=Premium(offers, invoices, payments, refunds, whole(stars)),
            blocks=Blocks(blocked, unblocked),
            failures=failures,
            left_out=LeftOut(*left_out, *self._clickhouse.row(sql("untimed"))),
            delivery=delivery(self._clickhouse, window),
            archive=archive(self._clickhouse),
        )

    def languages(self) -> tuple[LanguagePeople, ...]:
        """Languages of all people ever, most frequent first."""
        return tuple(
            LanguagePeople(*row) for row in self._clickhouse.rows(sql("all_languages"), {"limit": LANGUAGES_MAX})
        )

    def _headline(self, window: Window) -> tuple[dict[str, Figure], tuple[ActivityPoint, ...]]:
        """Series and previous values (the stretch before is simply one more bucket); totals come from elsewhere."""
        moments = window.edges()
        edges = [_epoch(edge) for edge in moments]
        before = [] if window.previous_start is None else [_epoch(window.previous_start)]
        asked = {"edges": before + edges, "start": (before + edges)[0], "end": _epoch(window.end)}
        found = {edge: numbers for edge, *numbers in self._clickhouse.rows(sql("buckets"), asked)}
        arrived = self._clickhouse.rows(sql("new_people"), asked | {"earliest": EARLIEST_S})
        fresh = {edge: int(number) for edge, number in arrived}
        nothing = [0, 0, 0, 0, 0.0]

        def all_of(edge: int) -> list[int | float]:
            people, messages, answers, pictures, stars = found.get(edge, nothing)
            return [people, fresh.get(edge, 0), messages, answers, pictures, whole(stars)]

        table = [all_of(edge) for edge in edges]
        previous: Sequence[int | float | None] = all_of(before[0]) if before else [None] * 6
        names = ("people", "new_people", "messages", "answers", "pictures", "stars")
        figures = {
            name: Figure(0, previous[column], tuple(row[column] for row in table)) for column, name in enumerate(names)
        }
        activity = tuple(
            ActivityPoint(at, int(row[0]), int(row[2]), int(row[3]), int(row[4]))
            for at, row in zip(moments, table, strict=True)
        )
        return figures, activity

    def _by_key(self, column: str, span: dict[str, int]) -> Sequence[Sequence[Any]]:
        return self._clickhouse.rows(sql("by_key", map=column), {**span, "limit": KEYS_MAX})

    def _choices(self, column: str, span: dict[str, int]) -> tuple[Choice, ...]:
        rows = self._by_key(column, span)
        names = self._names_of(column, [key for key, _, _ in rows])
        return tuple(Choice(key, names.get(key, key), people, messages) for key, people, messages in rows)

    def _names_of(self, column: str, ids: list[str]) -> dict[str, str]:
        now, (id_column, event_type, attribute) = time.monotonic(), CHOICES[column]
        kept = {key: self._names.get(f"{column}/{key}", (0.0, "")) for key in ids}
        unknown = [key for key, (until, _) in kept.items() if until <= now]
        names = {key: name for key, (until, name) in kept.items() if until > now}
        if unknown:
            asked = {"type": event_type, "attribute": attribute, "ids": [key.encode().hex() for key in unknown]}
            rows = self._clickhouse.rows(sql("names", column=id_column), asked)
            names |= {key: str(name) for key, name in rows}
            fresh = {f"{column}/{key}": (now + NAMES_KEPT_S, names.get(key, key)) for key in unknown}
            self._names = {key: kept for key, kept in self._names.items() if kept[0] > now} | fresh
        return names


def whole(number: float) -> int | float:
    """5 stars, not 5.0: sums of a Float64 column that are whole."""
    return int(number) if number.is_integer() else number


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
