"""How the rules of alerts stand: the figures of their windows, and of the same windows of the weeks before."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from web.analytics.alerts import (
    FIGURES,
    AlertRule,
    Alerts,
    AlertState,
    NormalRange,
    usual_range,
    weeks_before,
    window_at,
)
from web.analytics.bots import Bot, chosen
from web.analytics.clickhouse.bots import BotQueries
from web.analytics.clickhouse.figures import FigureQueries
from web.analytics.clickhouse.saved import SavedItems
from web.analytics.filters.condition import people_condition
from web.analytics.filters.grammar import parse
from web.analytics.models import Stats
from web.analytics.ranges import SLOT, Range, floor_slot
from web.analytics.saved import Saved
from web.errors import ParameterError

SETTLED = timedelta(minutes=2)  # a window is whole when what happened in it has had time to come
REMEMBERED = 2_000  # figures of windows that are over

Key = tuple[str, str, datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at all rules: figures that several ask for are read once."""

    now: datetime
    bots: tuple[Bot, ...]
    seen: dict[Key, Mapping[str, float]]


class AlertQueries:
    """Looks at the rules. What earlier weeks had is remembered by the process: it hardly changes any more."""

    def __init__(self, saved: SavedItems, figures: FigureQueries, bots: BotQueries, zone: ZoneInfo) -> None:
        self._saved, self._figures, self._bots, self._zone = saved, figures, bots, zone
        self._past: OrderedDict[Key, Mapping[str, float]] = OrderedDict()

    def states(self, now: datetime) -> Alerts:
        """Every rule and how it stands now."""
        look = _Look(now, self._bots.all(), {})
        return Alerts(self._zone.key, tuple(self._state(each, look) for each in self._saved.of("alert")))

    def _state(self, saved: Saved, look: _Look) -> AlertState:
        try:
            rule = AlertRule.read(saved.value if isinstance(saved.value, dict) else {})
            bot = chosen({"bot": rule.bot}, look.bots)
        except ParameterError as error:
            return AlertState(
                saved.id,
                saved.name,
                "",
                "",
                "",
                "above",
                "1h",
                0,
                look.now,
                look.now,
                0,
                None,
                None,
                False,
                error.detail,
            )
        running = window_at(look.now - SETTLED, rule.window, self._zone)
        whole = window_at(running[0] - SLOT, rule.window, self._zone)
        value, normal = self._value(rule, bot, running, look), self._normal(rule, bot, running, look)
        # a count that is too high already stays so; too low is what only a whole window can be
        start, end = running if normal.high is not None and value > normal.high else whole
        if start != running[0]:
            value, normal = self._value(rule, bot, whole, look), self._normal(rule, bot, whole, look)
        return AlertState(
            saved.id, saved.name, rule.figure, rule.bot, rule.filter, rule.comparison, rule.window, rule.quiet_h,
            start, end, value, normal.low, normal.high, not normal.has(value), "",
        )  # fmt: skip

    def _normal(self, rule: AlertRule, bot: Bot | None, window: tuple[datetime, datetime], look: _Look) -> NormalRange:
        if rule.comparison == "above":
            return NormalRange(None, rule.threshold)
        if rule.comparison == "below":
            return NormalRange(rule.threshold, None)
        first = self._figures.first_event_at(look.now, bot)
        weeks = weeks_before(window[0], rule.window, self._zone)
        return usual_range([self._value(rule, bot, week, look) for week in weeks if first and week[0] >= first])

    def _value(self, rule: AlertRule, bot: Bot | None, window: tuple[datetime, datetime], look: _Look) -> float:
        key = (rule.bot, rule.filter, *window)
        values = look.seen.get(key) or self._past.get(key)
        if values is None:
            stats = self._stats(rule, bot, window, look.now)
            values = look.seen[key] = {name: value(stats) for name, value in FIGURES.items()}
            if window[1] < look.now - timedelta(days=2):
                self._past[key] = values
                if len(self._past) > REMEMBERED:
                    self._past.popitem(last=False)
        return values[rule.figure]

    def _stats(self, rule: AlertRule, bot: Bot | None, window: tuple[datetime, datetime], now: datetime) -> Stats:
        tree = parse(rule.filter)
        who = people_condition(tree, self._zone, now) if tree else None
        end = min(window[1], floor_slot(now) + SLOT)
        return self._figures.stats(Range("custom", window[0], end, self._zone), now, bot, (), who)
