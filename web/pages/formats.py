"""How numbers, durations and times read: 1,234 · 12.3k · 3.4 % · 1 h 12 min · 3 min ago."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

from web.pages.language import Catalogue
from web.results import Bucket

COMPACT_FROM = 10_000
SIZE_UNITS = ("bytes", "kilobytes", "megabytes", "gigabytes", "terabytes")
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Formats:
    """Formats for one reader: their words, the deployment's zone, and the moment of the request."""

    words: Catalogue
    zone: ZoneInfo
    now: datetime

    def number(self, value: float | None) -> str:
        """1,234: every digit, and at most two after the point."""
        if value is None:
            return self.words.text("number.none")
        return str(format_decimal(value, format="#,##0.##", locale=self.words.locale))

    def compact(self, value: float | None) -> str:
        """12.3k from ten thousand on, every digit below."""
        if value is None or abs(value) < COMPACT_FROM:
            return self.number(value)
        # 999,950 would be 1,000.0k: what rounds up to a million is written as one.
        millions = abs(value) >= 999_950
        short = format_decimal(value / (1e6 if millions else 1e3), format="#,##0.0", locale=self.words.locale)
        return self._unit("number.millions" if millions else "number.thousands", short)

    def is_shortened(self, value: float | None) -> bool:
        """Whether `compact` leaves digits out, so that the exact number must be shown on hover."""
        return value is not None and abs(value) >= COMPACT_FROM

    def percent(self, share: float | None) -> str:
        """3.4 %, from a share between 0 and 1; whole above 10 %."""
        if share is None:
            return self.words.text("number.none")
        pattern = "#,##0" if abs(share) >= 0.1 else "#,##0.#"
        return self._unit("number.percent", format_decimal(share * 100, format=pattern, locale=self.words.locale))

    def change(self, share: float) -> str:
        """12 %, and > 999 % for whatever grew from next to nothing: more digits would tell no more."""
        return f">{NO_BREAK}{self.percent(9.99)}" if share > 9.99 else self.percent(share)

    def duration(self, milliseconds: float | None) -> str:
        """812 ms, 1.2 s, 3 min, 1 h 12 min, 2 d 3 h."""
        if milliseconds is None:
            return self.words.text("number.none")
        # Rounded before the unit is chosen: 999.6 ms are 1 s, never 1000 ms.
        if round(milliseconds) < 1000:
            return self._unit("duration.milliseconds", str(round(milliseconds)))
        seconds = round(milliseconds / 1000, 1)
        if seconds < 60:
            return self._unit("duration.seconds", format_decimal(seconds, format="0.#", locale=self.words.locale))
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        parts = [("days", days), ("hours", hours), ("minutes", minutes), ("seconds", rest)]
        while not parts[0][1]:
            parts.pop(0)
        return " ".join(self._unit(f"duration.{name}", str(count)) for name, count in parts[:2] if count)

    def size(self, count: float) -> str:
        """812 B, 1.2 kB, 34.5 MB: of a thousand each, as stores count and bill."""
        unit = 0
        while round(count, 1 if unit else 0) >= 1000 and unit < len(SIZE_UNITS) - 1:
            count, unit = count / 1000, unit + 1
        number = format_decimal(count, format="0.#" if unit else "0", locale=self.words.locale)
        return self._unit(f"size.{SIZE_UNITS[unit]}", number)

    def ago(self, moment: datetime) -> str:
        """3 min ago; after a week the date. A moment slightly ahead (another machine's clock) is just now."""
        age = self.now - moment
        for name, unit, limit in (
            ("seconds", timedelta(seconds=1), timedelta(minutes=1)),
            ("minutes", timedelta(minutes=1), timedelta(hours=1)),
            ("hours", timedelta(hours=1), timedelta(days=1)),
            ("days", timedelta(days=1), timedelta(days=8)),
        ):
            if age < limit:
                count = age // unit
                return self._unit(f"ago.{name}", str(count)) if count > 0 else self.words.text("ago.now")
        return self.day_short(moment)

    def exact(self, moment: datetime) -> str:
        """Date, time to the second and zone, as shown on hover."""
        local = moment.astimezone(self.zone)
        return f"{format_datetime(local, 'd MMM y, HH:mm:ss', locale=self.words.locale)} {local.tzname()}"

    def clock(self, moment: datetime) -> str:
        """14:05."""
        return str(format_time(moment.astimezone(self.zone), "HH:mm", locale=self.words.locale))

    def day_short(self, moment: datetime) -> str:
        """20 Nov, with the year when it is another one than now's."""
        local = moment.astimezone(self.zone)
        same_year = local.year == self.now.astimezone(self.zone).year
        return str(format_date(local.date(), "d MMM" if same_year else "d MMM y", locale=self.words.locale))

    def day_name(self, day: date) -> str:
        """Today, Yesterday, or Friday, 20 November 2026."""
        today = self.now.astimezone(self.zone).date()
        if day == today:
            return self.words.text("day.today")
        if day == today - timedelta(days=1):
            return self.words.text("day.yesterday")
        pattern = "EEEE, d MMMM" if day.year == today.year else "EEEE, d MMMM y"
        return str(format_date(day, pattern, locale=self.words.locale))

    def bucket(self, moment: datetime, bucket: Bucket) -> str:
        """The name of a bucket of the activity chart."""
        local, locale = moment.astimezone(self.zone), self.words.locale
        if bucket == "hour":
            return str(format_datetime(local, "EEE d MMM, HH:mm", locale=locale))
        if bucket == "month":
            return str(format_date(local.date(), "LLLL y", locale=locale))
        day = format_date(local.date(), "EEE d MMM y" if bucket == "day" else "d MMM y", locale=locale)
        return self.words.text("statistics.week_of", day=day) if bucket == "week" else str(day)

    def _unit(self, key: str, number: str) -> str:
        """A number and its unit stay on one line."""
        return self.words.text(key, n=number).replace(" ", NO_BREAK)
