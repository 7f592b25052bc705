"""The choice of a range in the header of a page."""

from datetime import date, datetime, timedelta

from web.analytics.ranges import ALL, PRESETS, local_day
from web.context import services


class RangePicker:
    """What can be chosen and what is: `start` ≤ t < `end`, by its `name`; `default` needs no parameter in the address."""

    def __init__(
        self,
        name: str,
        default: str,
        start: datetime,
        end: datetime,
        presets: tuple[str, ...] = (*PRESETS, ALL),
    ) -> None:
        self.name, self.default, self.presets, self.start = name, default, presets, start
        zone = services.settings.zone
        self.last = (end - timedelta(microseconds=1)).astimezone(zone)
        self.first_day: date = local_day(start, zone)
        self.last_day: date = self.last.date()
