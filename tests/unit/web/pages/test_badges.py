"""Events that are no message: one line each, with the words of their action, their price and their properties."""

from typing import Any

import pytest

from tests.support.trail_events import ZONE, event
from web.pages.formats import Formats
from web.pages.language import catalogue
from web.pages.timeline_badges import ACTIONS, badge
from web.pages.timeline_blocks import Badge


def made(type_: str, **attributes: Any) -> Badge:
    return badge(event(type_, 1, **attributes))


def test_a_custom_event_shows_its_properties() -> None:
    found = made(
        "custom", chattrail__custom__name="quiz_finished", chattrail__property__score="3", chattrail__property__b="x"
    )
    assert (found.words, found.subject) == ("event.custom", "quiz_finished")
    assert found.properties == [("b", "x"), ("score", "3")]
    many = made("custom", **{f"chattrail__property__p{number}": "x" for number in range(500)})
    assert len(many.properties) == 30


@pytest.mark.parametrize(
    ("attributes", "words", "price", "notes"),
    [
        ({"action": "paid", "amount": "4.99", "currency": "USD", "minor_units": "499"}, "paid", (4.99, "USD"), []),
        (
            {"action": "paid", "amount": "1", "currency": "JOD", "subscription": "first"},
            "paid",
            (1, "JOD"),
            ["first"],
        ),
        ({"action": "refused", "reason": "sold out"}, "refused", None, []),
        ({"action": "cancelled", "until": "1767225600"}, "cancelled", None, []),
        ({"action": "made_up", "amount": "two"}, "other", None, []),
    ],
)
def test_a_step_of_a_purchase(attributes: dict[str, str], words: str, price: object, notes: list[str]) -> None:
    found = made("premium_action", **{f"chattrail__premium__{name}": value for name, value in attributes.items()})
    assert (found.words, found.price) == (f"event.premium_{words}", price)
    assert found.notes == [f"event.premium_{note}" for note in notes]
    assert found.reason == attributes.get("reason", "")
    assert (found.until is not None) == ("until" in attributes)


@pytest.mark.parametrize("until", ["1e300", "nan", "inf", "-1e15", "soon", ""])
def test_a_subscription_that_ends_never_or_nowhen(until: str) -> None:
    assert made("premium_action", chattrail__premium__until=until).until is None


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_action_has_its_words(language: str) -> None:
    words = catalogue(language)
    for type_, (name, icons) in ACTIONS.items():
        for action in (*icons, "made_up"):
            found = made(type_, **{name.replace(".", "__"): action})
            assert words.has(found.words), found.words
            assert found.subject == ("" if action in icons else "made_up")


@pytest.mark.parametrize(
    ("language", "amount", "currency", "shown"),
    [
        ("en", 4.99, "USD", "$4.99"),
        ("ru", 4.99, "USD", "4,99 $"),
        ("en", 1500, "JPY", "¥1,500"),
        ("en", 1.5, "JOD", "JOD1.500"),
        ("en", 12, "HUF", "HUF12.00"),  # as Telegram counts it
        ("en", 12.5, "RSD", "RSD12.50"),  # elsewhere it has no smaller unit
        ("en", 250, "XTR", "250 ★"),
        ("en", 0, "EUR", "€0.00"),
        ("en", 2, "ZZZ", "ZZZ2.00"),
        ("en", 3, "", "3"),
        ("en", 3, "eur", "3 eur"),
        ("en", 1e27, "EUR", "more than €1,000,000,000.00"),
        ("en", float("nan"), "EUR", "not a number"),
    ],
)
def test_money_has_the_digits_of_its_currency(language: str, amount: float, currency: str, shown: str) -> None:
    formats = Formats(catalogue(language), ZONE, event("custom").at)
    assert formats.price(amount, currency).replace("\xa0", " ") == shown
