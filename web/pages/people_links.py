"""Where the people behind a figure of Statistics are listed: the list is as long as the figure says."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from web.analytics.filters.grammar import FilterError, parse
from web.analytics.filters.tree import Condition, Days, Tree, all_of
from web.analytics.queries import EVENT_STEP
from web.analytics.ranges import PRESETS, Range, local_day
from web.pages.filter_bar import FilterBar


class PeopleLinks:
    """Links of a page with a range that begins on `first_day`, and with the filter of its bar."""

    def __init__(self, bar: FilterBar, selected: Range, first_day: date, last_day: date, now: datetime) -> None:
        self._bar = bar
        self._days = _days(selected, first_day, last_day, selected.zone, now)

    def figure(self, name: str) -> str:
        """The people of a headline figure; '' for one that counts something else."""
        names = {"people": "active", "new_people": "new"}
        return self._of(Condition(names[name], days=self._days)) if name in names else ""

    def language(self, code: str) -> str:
        """Those who did something in the range and have a language."""
        return self._of(Condition("language", (code,)), Condition("active", days=self._days))

    def event(self, name: str) -> str:
        """Those with whom a custom event happened in the range."""
        return self._of(Condition("event", (name,), days=self._days))

    def steps(self, steps: Sequence[str]) -> str:
        """Those who took all of these steps in the range."""
        return self._of(
            *(
                Condition("event", (step.removeprefix(EVENT_STEP),), days=self._days)
                if step.startswith(EVENT_STEP)
                else Condition("did", (step,), days=self._days)
                for step in steps
            )
        )

    def _of(self, *conditions: Tree) -> str:
        tree = all_of(self._bar.tree, *conditions)
        try:  # what strangers send may be no value of a filter
            return self._bar.people(tree) if parse(str(tree)) == tree else ""
        except FilterError:
            return ""


def _days(selected: Range, first: date, last: date, zone: ZoneInfo, now: datetime) -> Days:
    if selected.name in PRESETS:
        return Days(count=PRESETS[selected.name])
    return Days(first=first, last=last if last < local_day(now, zone) else None)
