"""Formats of numbers, durations and times: 1,234 · 12.3k · 3.4 % · 1 h 12 min · 3 min ago.

Events may hold any number and any time, so no format raises: an impossible number reads "more than …" (`web.analytics.bounds`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal

from chattrail.currencies import minor_digits
from web.analytics.bounds import AMOUNT_MAX, DURATION_MS_MAX, NUMBER_MAX, SHARE_MAX, SIZE_MAX
from web.analytics.models import Bucket, Revenue
from web.analytics.names import is_language_code
from web.pages.language import Catalogue
from web.pages.safe_text import brief

STARS = "XTR"
COMPACT_FROM = 10_000
AMOUNT_DIGITS = 6
FRESH = timedelta(hours=1)
COMPACT_UNITS = ("thousands", "millions", "billions", "trillions")
SIZE_UNITS = ("bytes", "kilobytes", "megabytes", "gigabytes", "terabytes")
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Formats:
    """Formats of one request: its language, the deployment's zone, and the time."""

    words: Catalogue
    zone: ZoneInfo
    now: datetime

    def number(self, value: float | None) -> str:
        """1,234: every digit, and at most two after the point."""
        return self._within(value, -NUMBER_MAX, NUMBER_MAX, self._digits)

    def amount(self, value: float | None) -> str:
        """A price, which is never negative."""
        return self._within(value, 0, AMOUNT_MAX, self._digits)

    def money(self, revenue: Revenue) -> str:
        """12.50 USD, with the digits that the currency has; Stars are a plain number."""
        pattern = "#,##0" + "." * (revenue.minor_digits > 0) + "0" * revenue.minor_digits
        pattern += "####" if revenue.minor_digits else ".######"  # what was sent in units may have more

        def shown(value: float) -> str:
            return str(format_decimal(value, format=pattern, locale=self.words.locale))

        number = self._within(revenue.amount, -NUMBER_MAX, NUMBER_MAX, shown)
        return number if revenue.currency == STARS else f"{number}{NO_BREAK}{revenue.currency}".rstrip()

    def spent(self, value: float, currency: str, named: bool = True) -> str:
        """12.50 USD, of less than one unit two digits that count: 0.00042 USD. Not `named` where the currency stands elsewhere."""
        digits = minor_digits(currency)
        if 0 < abs(value) < 1:
            digits = min(max(digits, 1 - math.floor(math.log10(abs(value)))), AMOUNT_DIGITS)
        return self.money(Revenue(currency if named else "", round(value, digits), minor_digits(currency)))

    def compact(self, value: float | None) -> str:
        """12.3k from ten thousand on, every digit below."""
        return self._within(value, -NUMBER_MAX, NUMBER_MAX, self._compact)

    def _digits(self, value: float) -> str:
        return str(format_decimal(value, format="#,##0.##", locale=self.words.locale))

    def _compact(self, value: float) -> str:
        if abs(value) < COMPACT_FROM:
            return self._digits(value)
        value, unit = value / 1e3, 0
        # 999.95 thousand would be 1,000.0k: what rounds up to a million is written as one.
        while abs(value) >= 999.95 and unit < len(COMPACT_UNITS) - 1:
            value, unit = value / 1e3, unit + 1
        short = format_decimal(value, format="#,##0.0", locale=self.words.locale)
        return self._unit(f"number.{COMPACT_UNITS[unit]}", short)

    def is_shortened(self, value: float | None) -> bool:
        """Whether `compact` leaves digits out, so that the exact number must be shown on hover."""
        return value is not None and COMPACT_FROM <= abs(value) <= NUMBER_MAX

    def percent(self, share: float | None) -> str:
        """3.4 %, from a share between 0 and 1; whole above 10 %."""
        return self._within(share, -SHARE_MAX, SHARE_MAX, self._percent)

    def _percent(self, share: float) -> str:
        pattern = "#,##0" if abs(share) >= 0.1 else "#,##0.#"
        return self._unit("number.percent", format_decimal(share * 100, format=pattern, locale=self.words.locale))

    def change(self, share: float) -> str:
        """12 %, and > 999 % for growth from next to nothing, where more digits say no more."""
        return f">{NO_BREAK}{self.percent(9.99)}" if share > 9.99 else self.percent(share)

    def duration(self, milliseconds: float | None) -> str:
        """812 ms, 1.2 s, 3 min, 1 h 12 min, 2 d 3 h."""
        return self._within(milliseconds, 0, DURATION_MS_MAX, self._duration)

    def _duration(self, milliseconds: float) -> str:
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
        return " ".join(self._unit(f"duration.{name}", self._digits(count)) for name, count in parts[:2] if count)

    def size(self, count: float) -> str:
        """812 B, 1.2 kB, 34.5 MB: of a thousand each, as stores count and bill."""
        return self._within(count, 0, SIZE_MAX, self._size)

    def _size(self, count: float) -> str:
        unit = 0
        while round(count, 1 if unit else 0) >= 1000 and unit < len(SIZE_UNITS) - 1:
            count, unit = count / 1000, unit + 1
        number = format_decimal(count, format="0.#" if unit else "0", locale=self.words.locale)
        return self._unit(f"size.{SIZE_UNITS[unit]}", number)

    def price(self, amount: float, currency: str) -> str:
        """€4.99, 250 ★: an amount with the digits that Telegram gives its currency, as in `money`."""
        if currency == STARS:
            return f"{self.amount(amount)}{NO_BREAK}★"
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
            return f"{self.amount(amount)} {brief(currency)}".strip()
        digits = minor_digits(currency)
        pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
        locale = self.words.locale
        if locale.currency_formats["standard"].pattern.startswith("#"):
            pattern = pattern[1:] + f"{NO_BREAK}¤"
        return self._within(
            amount,
            0,
            AMOUNT_MAX,
            lambda value: str(format_currency(value, currency, pattern, locale, currency_digits=False)),
        )

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

    def is_fresh(self, moment: datetime) -> bool:
        """Whether a bot whose newest event is this old can be said to be at work (live.js says the same while one looks)."""
        return self.now - moment < FRESH

    def language(self, code: str) -> str:
        """The name of a person's language in that of the page, or the code when Babel knows none."""
        if not code:
            return self.words.text("statistics.language_unknown")
        if not is_language_code(code):
            return code
        try:
            name = Locale.parse(code, sep="-").get_display_name(self.words.locale)
        except (UnknownLocaleError, ValueError):
            return code
        return name[:1].upper() + name[1:] if name else code

    def exact(self, moment: datetime) -> str:
        """Date, time to the second and zone, as shown on hover."""
        local = self.local(moment)
        return f"{format_datetime(local, 'd MMM y, HH:mm:ss', locale=self.words.locale)} {local.tzname()}"

    def clock(self, moment: datetime) -> str:
        """14:05."""
        return str(format_time(self.local(moment), "HH:mm", locale=self.words.locale))

    def day_short(self, moment: datetime) -> str:
        """20 Nov, with the year when it is another one than now's."""
        local = self.local(moment)
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
        local, locale = self.local(moment), self.words.locale
        if bucket == "hour":
            return str(format_datetime(local, "EEE d MMM, HH:mm", locale=locale))
        if bucket == "month":
            return str(format_date(local.date(), "LLLL y", locale=locale))
        day = format_date(local.date(), "EEE d MMM y" if bucket == "day" else "d MMM y", locale=locale)
        return self.words.text("statistics.week_of", day=day) if bucket == "week" else str(day)

    def local(self, moment: datetime) -> datetime:
        """A moment in the deployment's zone; at the ends of the calendar, where the zone's offset leads out of it, as it is."""
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment

    def _within(self, value: float | None, least: float, most: float, shown: Callable[[float], str]) -> str:
        """A number by its format, or words for one that is missing, not a number, or out of bounds."""
        if value is None:
            return self.words.text("number.none")
        if value != value:  # NaN; math.isnan cannot take every whole number
            return self.words.text("number.nan")
        if value > most:
            return self.words.text("number.more", n=shown(most))
        if value < least:
            return self.words.text("number.less", n=shown(least))
        return shown(value)

    def _unit(self, key: str, number: str) -> str:
        """A number and its unit stay on one line."""
        return self.words.text(key, n=number).replace(" ", NO_BREAK)
