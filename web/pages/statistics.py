"""The Statistics page: figures, the activity chart, and the sections below. What a bot has no data for is not shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from flask import render_template, request

from web.analytics.cost import Cost
from web.analytics.filters.condition import people_condition
from web.analytics.models import Figure, LeftOut, Stats
from web.analytics.queries import EVENT_STEP, read_steps
from web.analytics.ranges import STATISTICS_RANGE, read_range
from web.context import services
from web.pages.annotations import Annotations
from web.pages.filter_bar import FilterBar
from web.pages.people_links import PeopleLinks
from web.pages.range_picker import RangePicker
from web.pages.template_context import page_bot, request_formats

FIGURES = ("people", "new_people", "messages", "bot_messages", "answers", "pictures", "stars")
SERIES = ("messages", "bot_messages", "answers", "pictures", "people")
ALWAYS_SHOWN = frozenset({"people", "new_people", "messages"})
SPARK = (100, 28)
CHART = (1000, 300)


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline's points as SVG has them, and those of the area below it: drawn without a script."""

    points: str
    area: str


@dataclass(frozen=True, slots=True)
class Card:
    """One of the figures as the page shows it."""

    name: str
    figure: Figure
    spark: Line
    currency: str = ""  # of money

    @property
    def change(self) -> float | None:
        """Its growth as a share; None when there is nothing to compare with."""
        figure = self.figure
        return (figure.value - figure.previous) / abs(figure.previous) if figure.previous else None

    @property
    def trend(self) -> str:
        """Which way it went: up, down, same, or none."""
        if self.change is None:
            return "none"
        return "same" if self.change == 0 else "up" if self.change > 0 else "down"


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a section. `length` is its share of the longest row, `href` the list of its people, if there is one."""

    href: str
    name: str
    people: int
    length: float
    messages: int | None = None


def statistics() -> str:
    """Render /analytics."""
    formats, zone = request_formats(), services.settings.zone
    words = formats.words
    selected = read_range(request.args, zone, services.now())
    bot, now = page_bot(), services.now()
    bar = FilterBar("statistics", request.args, bot)
    who = people_condition(bar.tree, zone, now) if bar.tree else None
    stats = services.figures.stats(selected, now, bot, read_steps(request.args), who)
    every: dict[str, Figure] = {name: getattr(stats.figures, name) for name in FIGURES}
    figures = {name: each for name, each in every.items() if name in ALWAYS_SHOWN or each.value or each.previous}
    series = [name for name in SERIES if name in ALWAYS_SHOWN or every[name].value]
    peak = max((getattr(point, name) for point in stats.activity for name in series), default=0)
    picker = RangePicker(selected.name, STATISTICS_RANGE, stats.range.start, stats.range.end)
    links = PeopleLinks(bar, selected, picker.first_day, picker.last_day, now)
    return render_template(
        "statistics.html",
        stats=stats,
        filter_bar=bar,
        links=links,
        annotations=Annotations(stats, picker.first_day, picker.last_day, bar.arguments),
        range_picker=picker,
        newest_at=stats.newest_event_at,
        cards=[Card(name, figure, _line(figure.series, *SPARK)) for name, figure in figures.items()]
        + _money(stats.cost),
        series=series,
        lines={name: _line([getattr(point, name) for point in stats.activity], *CHART, top=peak) for name in series},
        peak=peak,
        is_empty=not _has_data(every, stats),
        funnel=_bars(
            (links.steps([each.step for each in stats.funnel[: place + 1]]), _step(step.step), step.people, None)
            for place, step in enumerate(stats.funnel)
            if len(stats.funnel) > 1 and any(each.people for each in stats.funnel)
        ),
        personas=_bars(("", each.name or each.id, each.people, each.messages) for each in stats.personas),
        stories=_bars(("", each.name or each.id, each.people, each.messages) for each in stats.stories),
        commands=_bars(("", each.name, each.count, None) for each in stats.commands),
        custom=_bars((links.event(each.name), each.name, each.people, each.count) for each in stats.custom),
        languages=_bars(
            (links.language(each.code), formats.language(each.code), each.people, None) for each in stats.languages
        ),
        left_out=lambda *names: _left_out(stats.left_out, names),
        title=words.text("statistics.title"),
        status=words.text(
            "statistics.activity_summary",
            messages=formats.number(stats.figures.messages.value),
            answers=formats.number(stats.figures.answers.value + stats.figures.bot_messages.value),
            pictures=formats.number(stats.figures.pictures.value),
            start=formats.day_short(stats.range.start),
            end=formats.day_short(picker.last),
        ),
    )


def _money(cost: Cost) -> list[Card]:
    """Cost and margin, where there is a price table and something was spent or earned."""
    if cost.total is None or not (cost.models or (cost.revenue and any(cost.revenue.series))):
        return []
    found = {"cost": cost.total, "margin": cost.margin}
    return [Card(name, each, _line(each.series, *SPARK), cost.currency) for name, each in found.items() if each]


def _has_data(figures: Mapping[str, Figure], stats: Stats) -> bool:
    """Whether anything happened in the range that the page has a place for."""
    counts = (*astuple(stats.chat), *astuple(stats.blocks), stats.failures, stats.ai.failures, stats.pictures.failed)
    return (
        any(figure.value for figure in figures.values()) or any(counts) or bool(stats.custom or stats.premium.revenue)
    )


def _left_out(counts: LeftOut, names: tuple[str, ...]) -> list[str]:
    """A sentence for each kind of number that sums leave out."""
    formats = request_formats()
    found = [(name, getattr(counts, name)) for name in names]
    text = formats.words.text
    return [text(f"left_out.{name}", n=count, count=formats.number(count)) for name, count in found if count]


def _line(values: Sequence[float], width: int, height: int, top: float | None = None) -> Line:
    """Draw values from left to right; `top` is the value at the upper edge (the largest one when not given)."""
    lowest = min(0, *values) if values else 0
    highest = max(top if top is not None else max(values, default=0), lowest + 1e-9)
    if len(values) == 1:
        values = [values[0], values[0]]
    step = width / max(len(values) - 1, 1)
    # Two pixels stay free above and below, so that a thick line is not cut off.
    share = [(value - lowest) / (highest - lowest) for value in values]
    points = " ".join(f"{index * step:.1f},{height - 2 - each * (height - 4):.1f}" for index, each in enumerate(share))
    return Line(points, f"0,{height} {points} {width},{height}")


def _bars(rows: Iterable[tuple[str, str, int, int | None]]) -> list[Bar]:
    """Bars of link, name, people and messages, drawn by their messages where they have them."""
    bars = [
        Bar(href, name, people, people if messages is None else messages, messages)
        for href, name, people, messages in rows
    ]
    longest = max((bar.length for bar in bars), default=0) or 1
    return [replace(bar, length=bar.length / longest) for bar in bars]


def _step(step: str) -> str:
    """What a step of the funnel is called: a custom event by its own name."""
    return (
        step.removeprefix(EVENT_STEP) if step.startswith(EVENT_STEP) else request_formats().words.text(f"step.{step}")
    )
