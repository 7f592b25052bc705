"""Annotations of the activity chart: what owners know about a day, as a line of text."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from web.analytics.models import Stats
from web.analytics.ranges import day_of, midnight
from web.context import services
from web.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Annotation:
    """A line of text about a day. `at` is where its bucket of the chart begins, `place` that from left to right, 0 to 1."""

    id: str
    day: date
    text: str
    begins: datetime
    at: datetime
    place: float


class Annotations:
    """The annotations of a chart, by day, and what their forms send. `arguments` are those of the page."""

    def __init__(self, stats: Stats, first: date, last: date, arguments: Mapping[str, str]) -> None:
        self.is_on, self.query, self.last = services.saved.is_on, urlencode(arguments), last
        self._buckets = [point.at for point in stats.activity]
        found = [(_day(each.value), each) for each in services.saved.of("annotation")]
        self.shown = [
            self._placed(each.id, day, each.name)
            for day, each in sorted(
                ((day, each) for day, each in found if day is not None and first <= day <= last),
                key=lambda pair: (pair[0], pair[1].name),
            )
        ]

    def _placed(self, key: str, day: date, text: str) -> Annotation:
        begins = midnight(day, services.settings.zone)
        bucket = max(bisect_right(self._buckets, begins) - 1, 0)
        return Annotation(key, day, text, begins, self._buckets[bucket], bucket / max(len(self._buckets) - 1, 1))


def annotation_value(form: Mapping[str, str]) -> dict[str, str]:
    """What is saved of the form beside the text. Raises ParameterError."""
    return {"date": day_of("date", form.get("date", "")).isoformat()}


def _day(value: Any) -> date | None:
    """The day of something saved; None where the API saved something else."""
    try:
        return day_of("date", str(value["date"])) if isinstance(value, dict) and "date" in value else None
    except ParameterError:
        return None
