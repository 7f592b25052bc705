"""Figures of the Statistics page, from the rollup `activity`; web/texts describes how each is counted (`counted`)."""

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
from web.analytics.clickhouse.funnel import funnel
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
CHOICES = {  # map column: (column of events, event type, attribute that has the name)
    "personas": ("persona_id", "persona_selected", "chattrail.persona.name"),
    "stories": ("story_id", "story_selected", "chattrail.story.name"),
}

Number = int | float


class FigureQueries:
    """Queries for figures; caches the names of personas and stories for a minute, since they hardly ever change."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._names: dict[tuple[object, ...], tuple[float, str]] = {}

    def stats(self, asked: Range, now: datetime, bot: Bot | None = None, steps: tuple[str, ...] = ()) -> models.Stats:
        """All figures of a range, of one bot or of all; `steps` are those of the funnel where the usual ones will not do."""
        reader = BotReader(self._clickhouse, bot)
        count, first, newest, taken = reader.row("extent", {"earliest": EARLIEST_S, "now": _epoch(now)})
        window = asked.since(from_milliseconds(first) if count else None)
        span = {"start": _epoch(window.start), "end": _epoch(window.end)}
        series, activity = _buckets(reader, window)
        (
            people, messages, answers, answer_failures, input_tokens, output_tokens, images, refreshed, image_failures,
            bot_messages, *chat,
            offers, invoices, payments, first_payments, renewals, refunds, refused, cancelled, stars,
            blocked, unblocked, failures, amounts, durations, tokens,
        ) = reader.row("totals", span)  # fmt: skip
        timed, quantiles = reader.row("answer_times", span)
        totals = (people, sum(series[1][1]), messages, bot_messages, answers, images, whole(stars))
        languages = reader.rows("languages", {**span, "limit": LANGUAGES_MAX})
        return models.Stats(
            bot=bot.bot if bot else None,
            range=models.Span(window.start, window.end, window.zone.key, window.bucket),
            generated_at=now,
            newest_event_at=from_milliseconds(newest) if count else None,
            figures=models.Figures(
                *(models.Figure(total, *column) for total, column in zip(totals, series, strict=True))
            ),
            activity=activity,
            funnel=funnel(reader, span, taken, steps),
            personas=self._choices(reader, "personas", span),
            stories=self._choices(reader, "stories", span),
            commands=tuple(
                models.CommandCount(name, number) for name, _, number in _by_key(reader, "command_counts", span)
            ),
            custom=tuple(models.CustomCount(*row) for row in _by_key(reader, "custom_counts", span)),
            languages=tuple(models.LanguagePeople(*row) for row in languages),
            pictures=models.Images(images, refreshed, image_failures),
            chat=models.Chat(*chat),
            ai=models.Ai(
                answers, answer_failures, input_tokens, output_tokens, *(quantiles if timed else (None, None))
            ),
            premium=models.Premium(
                offers,
                invoices,
                payments,
                first_payments,
                renewals,
                refunds,
                refused,
                cancelled,
                stars=whole(stars),
                revenue=revenue_of(reader.rows("revenue", {**span, "limit": CURRENCIES_MAX})),
            ),
            blocks=models.Blocks(blocked, unblocked),
            failures=failures,
            left_out=models.LeftOut(amounts, durations, tokens, *reader.row("untimed")),
            loss_accounting=loss_accounting(self._clickhouse, window),
            image_stats=_image_stats(self._clickhouse),
        )

    def languages(self, bot: Bot | None = None) -> tuple[models.LanguagePeople, ...]:
        """Languages of all people ever, most frequent first."""
        rows = BotReader(self._clickhouse, bot).rows("all_languages", {"limit": LANGUAGES_MAX})
        return tuple(models.LanguagePeople(*row) for row in rows)

    def _choices(self, reader: BotReader, column: str, span: dict[str, int]) -> tuple[models.Choice, ...]:
        rows = _by_key(reader, column, span)
        names = self._names_of(reader, column, [key for key, _, _ in rows])
        return tuple(models.Choice(key, names.get(key, key), people, messages) for key, people, messages in rows)

    def _names_of(self, reader: BotReader, column: str, ids: list[str]) -> dict[str, str]:
        now, (id_column, event_type, attribute) = time.monotonic(), CHOICES[column]
        cached = {key: self._names.get((reader.bot, column, key), (0.0, "")) for key in ids}
        unknown = [key for key, (until, _) in cached.items() if until <= now]
        names = {key: name for key, (until, name) in cached.items() if until > now}
        if unknown:
            asked = {"type": event_type, "attribute": attribute, "ids": [key.encode().hex() for key in unknown]}
            names |= {key: str(name) for key, name in reader.rows("names", asked, column=id_column)}
            found = {(reader.bot, column, key): (now + NAMES_CACHED_S, names.get(key, key)) for key in unknown}
            self._names = {key: cached for key, cached in self._names.items() if cached[0] > now} | found
        return names


def _buckets(
    reader: BotReader, window: Window
) -> tuple[list[tuple[Number | None, tuple[Number, ...]]], tuple[models.ActivityPoint, ...]]:
    """The previous value and the series of each headline figure, in the order of Figures, and the points of the chart.

    The stretch before the range is one more bucket.
    """
    edges = [_epoch(edge) for edge in window.edges()]
    before = [] if window.previous_start is None else [_epoch(window.previous_start)]
    asked = {"edges": before + edges, "start": (before + edges)[0], "end": _epoch(window.end)}
    counted = {edge: counts for edge, *counts in reader.rows("buckets", asked)}
    rows = reader.rows("new_people", asked | {"earliest": EARLIEST_S})
    new_people = {edge: int(number) for edge, number in rows}

    def row(edge: int) -> list[Number]:
        people, *counts, stars = counted.get(edge, (0, 0, 0, 0, 0, 0.0))
        return [people, new_people.get(edge, 0), *counts, whole(stars)]

    table = [row(edge) for edge in edges]
    previous: Sequence[Number | None] = row(before[0]) if before else [None] * len(table[0])
    points = zip(window.edges(), table, strict=True)
    return (
        list(zip(previous, zip(*table, strict=True), strict=True)),
        tuple(models.ActivityPoint(at, int(people), *map(int, counts)) for at, (people, _, *counts, _) in points),
    )


def _by_key(reader: BotReader, column: str, span: dict[str, int]) -> Sequence[Sequence[Any]]:
    return reader.rows("by_key", {**span, "limit": KEYS_MAX}, map=column)


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
