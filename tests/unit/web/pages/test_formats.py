"""Numbers, durations and times as people read them, in both languages."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.analytics.models import Bucket, Revenue
from web.pages.formats import Formats
from web.pages.language import catalogue
from web.pages.safe_text import readable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ENGLISH = Formats(catalogue("en"), ZoneInfo("Europe/Berlin"), NOW)
RUSSIAN = Formats(catalogue("ru"), ZoneInfo("Europe/Berlin"), NOW)


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        (0, "0", "0"),
        (1234, "1,234", "1 234"),
        (9999, "9,999", "9 999"),
        (10_000, "10.0k", "10,0 тыс."),
        (12_345, "12.3k", "12,3 тыс."),
        (999_949, "999.9k", "999,9 тыс."),
        (999_950, "1.0M", "1,0 млн"),
        (2_100_000, "2.1M", "2,1 млн"),
        (999_949_999, "999.9M", "999,9 млн"),
        (999_950_000, "1.0B", "1,0 млрд"),
        (7.5e12, "7.5T", "7,5 трлн"),
        (2.5, "2.5", "2,5"),
        (None, "–", "–"),
    ],
)
def test_compact(value: float | None, english: str, russian: str) -> None:
    assert (plain(ENGLISH.compact(value)), plain(RUSSIAN.compact(value))) == (english, russian)


@pytest.mark.parametrize(
    ("share", "text"), [(0.034, "3.4 %"), (0.0, "0 %"), (0.5, "50 %"), (2.27, "227 %"), (None, "–")]
)
def test_percent(share: float | None, text: str) -> None:
    assert plain(ENGLISH.percent(share)) == text


@pytest.mark.parametrize(("share", "text"), [(0.12, "12 %"), (9.99, "999 %"), (690.5, "> 999 %")])
def test_change(share: float, text: str) -> None:
    assert plain(ENGLISH.change(share)) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (812.4, "812 ms"),
        (999.6, "1 s"),
        (1240, "1.2 s"),
        (59_990, "1 min"),
        (60_000, "1 min"),
        (65_000, "1 min 5 s"),
        (4_320_000, "1 h 12 min"),
        (3_600_000, "1 h"),
        (183_600_000, "2 d 3 h"),
        (None, "–"),
    ],
)
def test_duration(milliseconds: float | None, text: str) -> None:
    assert plain(ENGLISH.duration(milliseconds)) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(0), "just now"),
        (timedelta(seconds=2), "2 s ago"),
        (timedelta(minutes=3, seconds=50), "3 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=7, hours=23), "7 d ago"),
        (timedelta(days=9), "13 Nov"),
        (timedelta(days=400), "18 Oct 2025"),
    ],
)
def test_ago(age: timedelta, text: str) -> None:
    assert plain(ENGLISH.ago(NOW - age)) == text


def test_times_are_in_the_zone_of_the_deployment() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert ENGLISH.clock(late) == "00:30"
    assert plain(ENGLISH.exact(late)) == "23 Nov 2026, 00:30:00 CET"
    assert plain(ENGLISH.day_short(late)) == "23 Nov"


@pytest.mark.parametrize(
    ("day", "english", "russian"),
    [
        (date(2026, 11, 22), "Today", "Сегодня"),
        (date(2026, 11, 21), "Yesterday", "Вчера"),
        (date(2026, 11, 20), "Friday, 20 November", "пятница, 20 ноября"),
        (date(2025, 1, 2), "Thursday, 2 January 2025", "четверг, 2 января 2025"),
    ],
)
def test_day_names(day: date, english: str, russian: str) -> None:
    assert (ENGLISH.day_name(day), RUSSIAN.day_name(day)) == (english, russian)


@pytest.mark.parametrize(
    ("count", "english", "russian"),
    [
        (0, "0 B", "0 Б"),
        (999, "999 B", "999 Б"),
        (1_000, "1 kB", "1 кБ"),
        (999_940, "999.9 kB", "999,9 кБ"),
        (999_960, "1 MB", "1 МБ"),
        (34_560_000_000, "34.6 GB", "34,6 ГБ"),
        (2.5e15, "2500 TB", "2500 ТБ"),
    ],
)
def test_sizes(count: float, english: str, russian: str) -> None:
    assert (plain(ENGLISH.size(count)), plain(RUSSIAN.size(count))) == (english, russian)


@pytest.mark.parametrize(
    ("bucket", "text"),
    [
        ("hour", "Sun 22 Nov, 13:00"),
        ("day", "Sun 22 Nov 2026"),
        ("week", "Week of 22 Nov 2026"),
        ("month", "November 2026"),
    ],
)
def test_bucket_names(bucket: Bucket, text: str) -> None:
    assert plain(ENGLISH.bucket(NOW, bucket)) == text


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        (1e15, "1,000,000,000,000,000", "1 000 000 000 000 000"),
        (1e27, "more than 1,000,000,000,000,000", "больше 1 000 000 000 000 000"),
        (10**4000, "more than 1,000,000,000,000,000", "больше 1 000 000 000 000 000"),
        (-1e27, "less than -1,000,000,000,000,000", "меньше -1 000 000 000 000 000"),
        (math.inf, "more than 1,000,000,000,000,000", "больше 1 000 000 000 000 000"),
        (math.nan, "not a number", "не число"),
    ],
)
def test_numbers_beyond_belief(value: float, english: str, russian: str) -> None:
    assert (plain(ENGLISH.number(value)), plain(RUSSIAN.number(value))) == (english, russian)


@pytest.mark.parametrize(
    ("shown", "english", "russian"),
    [
        (lambda fmt: fmt.duration(math.inf), "more than 10,000 d", "больше 10 000 д"),
        (lambda fmt: fmt.duration(math.nan), "not a number", "не число"),
        (lambda fmt: fmt.duration(10**4000), "more than 10,000 d", "больше 10 000 д"),
        (lambda fmt: fmt.duration(-3), "less than 0 ms", "меньше 0 мс"),
        (lambda fmt: fmt.amount(1e27), "more than 1,000,000,000", "больше 1 000 000 000"),
        (lambda fmt: fmt.amount(1e9), "1,000,000,000", "1 000 000 000"),
        (lambda fmt: fmt.amount(-0.5), "less than 0", "меньше 0"),
        (lambda fmt: fmt.compact(1e300), "more than 1,000.0T", "больше 1 000,0 трлн"),
        (lambda fmt: fmt.percent(math.inf), "more than 100,000,000 %", "больше 100 000 000 %"),
        (lambda fmt: fmt.change(math.inf), "> 999 %", "> 999 %"),
        (lambda fmt: fmt.size(1e30), "more than 1000000 TB", "больше 1000000 ТБ"),
    ],
)
def test_each_format_says_what_lies_outside(shown: Callable[[Formats], str], english: str, russian: str) -> None:
    assert (plain(shown(ENGLISH)), plain(shown(RUSSIAN))) == (english, russian)


numbers = st.one_of(st.floats(), st.integers(), st.integers(-(10**400), 10**400), st.none())


@given(numbers)
def test_no_number_makes_a_format_raise(value: float | None) -> None:
    for formats in (ENGLISH, RUSSIAN):
        for form in (formats.number, formats.amount, formats.compact, formats.percent, formats.duration):
            assert form(value)
        assert formats.is_shortened(value) in (True, False)
        if value is not None:
            assert formats.change(value)
            assert formats.size(value)
            assert formats.words.text("users.unit_stars", n=value)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(get_args(Bucket)))
def test_no_time_makes_a_format_raise(moment: datetime, bucket: Bucket) -> None:
    for formats in (ENGLISH, RUSSIAN, Formats(catalogue("en"), ZoneInfo("Pacific/Kiritimati"), NOW)):
        assert formats.ago(moment)
        assert formats.exact(moment)
        assert formats.clock(moment)
        assert formats.day_short(moment)
        assert formats.day_name(moment.date())
        assert formats.bucket(moment, bucket)


@pytest.mark.parametrize(
    ("currency", "amount", "digits", "english", "russian"),
    [
        ("USD", 12.5, 2, "12.50 USD", "12,50 USD"),
        ("USD", -0.005, 2, "-0.005 USD", "-0,005 USD"),
        ("JPY", 1200, 0, "1,200 JPY", "1 200 JPY"),
        ("XTR", 250, 0, "250", "250"),
        ("XTR", 60.5, 0, "60.5", "60,5"),
        ("", 3, 2, "3.00", "3,00"),
        ("USD", 2e15, 2, "more than 1,000,000,000,000,000.00 USD", "больше 1 000 000 000 000 000,00 USD"),
    ],
)
def test_money_has_the_digits_of_its_currency(
    currency: str, amount: float, digits: int, english: str, russian: str
) -> None:
    revenue = Revenue(currency, amount, digits)
    assert (plain(ENGLISH.money(revenue)), plain(RUSSIAN.money(revenue))) == (english, russian)


@pytest.mark.parametrize(
    ("code", "english", "russian"),
    [
        ("ru", "Russian", "Русский"),
        ("pt-br", "Portuguese (Brazil)", "Португальский (Бразилия)"),
        ("tlh-x", "tlh-x", "tlh-x"),
        ("", "Unknown", "Неизвестен"),
        ("../x", "../x", "../x"),
    ],
)
def test_a_language_has_a_name(code: str, english: str, russian: str) -> None:
    assert (ENGLISH.language(code), RUSSIAN.language(code)) == (english, russian)


def test_a_persona_without_a_name_is_readable() -> None:
    assert [readable(each) for each in ("captain_reyes", "night-owl", "luna", "_", "")] == [
        "Captain reyes", "Night owl", "Luna", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "named", "english"),
    [
        (12.345678, True, "12.35 USD"),
        (0.00042, True, "0.00042 USD"),
        (0.007709, True, "0.0077 USD"),
        (0.0000001, True, "0.00 USD"),
        (-0.5, False, "-0.50"),
        (-1234.5, True, "-1,234.50 USD"),
        (0, True, "0.00 USD"),
    ],
)
def test_what_was_spent_has_the_digits_that_count(amount: float, named: bool, english: str) -> None:
    assert plain(ENGLISH.spent(amount, "USD", named)) == english
