"""owner_router's parts: arguments, addresses, numbers, the chart."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from chattrail.aiogram import owner_router
from chattrail.aiogram.owner.chart import _labels, _step, draw
from chattrail.aiogram.owner.client import Slot, Stats
from chattrail.aiogram.owner.texts import ENGLISH, RUSSIAN, texts_for


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"admins": ["@ann"]}, "admins has '@ann': admins are Telegram ids"),
        ({"admins": [True]}, "admins has True"),
        ({"admins": [1], "api": "127.0.0.1:8000"}, "api is no address"),
        ({"admins": [1], "dashboard": "stats.example.org"}, "dashboard is no address"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        owner_router(**arguments)


def test_numbers_are_written_as_each_language_does() -> None:
    assert [texts_for(code) for code in ("ru", "RU-ru", "en", "de", None)] == [
        RUSSIAN,
        RUSSIAN,
        ENGLISH,
        ENGLISH,
        ENGLISH,
    ]
    assert [ENGLISH.number(value) for value in (0, 1234, 1e6)] == ["0", "1,234", "1,000,000"]
    assert (ENGLISH.number(1234.5, 2), RUSSIAN.number(1234.5, 2)) == ("1,234.50", "1\xa0234,50")
    changes = [ENGLISH.change(value, previous) for value, previous in ((3, 2), (1, 2), (2, 2), (2, 0), (2, None))]
    assert changes == ["3 (+50 %)", "1 (-50 %)", "2 (0 %)", "2", "2"]
    assert ENGLISH.figures.keys() == RUSSIAN.figures.keys()
    assert ENGLISH.lines.keys() == RUSSIAN.lines.keys()
    assert ENGLISH.spans.keys() == RUSSIAN.spans.keys()


def stats(*values: tuple[float, float, float], bucket: str = "day", timezone: str = "UTC") -> Stats:
    begin = datetime(2026, 11, 19, 23, tzinfo=UTC)
    slots = [
        Slot(at=begin + timedelta(days=day), messages=messages, answers=answers, pictures=pictures)
        for day, (messages, answers, pictures) in enumerate(values)
    ]
    return Stats.model_validate({"range": {"timezone": timezone, "bucket": bucket}, "figures": {}, "activity": slots})


@pytest.mark.parametrize(
    "values", [[(1, 2, 3)], [(0, 0, 0), (1e9, 3e8, 2e8)], [(n % 7, n % 5, n % 3) for n in range(90)]]
)
def test_the_chart_has_its_three_lines(values: list[tuple[float, float, float]]) -> None:
    with Image.open(io.BytesIO(draw(stats(*values)))) as image:
        assert image.size == (1000, 520)
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or ()}
    assert colours >= {(42, 155, 216), (138, 150, 163), (224, 138, 60)}


def test_days_are_named_as_the_dashboard_cuts_them() -> None:
    slots = stats((1, 1, 1), (1, 1, 1)).activity
    assert _labels(slots, "Europe/Berlin", "day") == ["20.11", "21.11"]
    assert _labels(slots, "No/Where", "day") == ["19.11", "20.11"]
    assert _labels(slots, "UTC", "hour") == ["23:00", "23:00"]
    assert _labels(slots, "UTC", "month") == ["19.11.26", "20.11.26"]
    assert [_step(largest) for largest in (0, 1, 4, 5, 100, 220, 1e6)] == [1, 1, 1, 2, 50, 100, 500_000]
