"""The language of filters: what its texts mean, and that a fault is named with its place."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import ROOT
from web.analytics.filters.fields import DEEDS, KINDS
from web.analytics.filters.grammar import CONDITIONS_MAX, DEPTH_MAX, LENGTH_MAX, FilterError, parse
from web.analytics.filters.request import read_filter
from web.analytics.filters.tree import And, Condition, Days, Not, Or, Property, all_of
from web.errors import ParameterError

RU, PAID, SOME = Condition("language", ("ru",)), Condition("paid", ("yes",)), Condition("messages", ("10",), ">")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        (" \n\u00a0", None),
        ("language:ru", RU),
        ("LANGUAGE : ru", RU),
        ("language=ru", RU),
        ("language:ru paid:yes", And((RU, PAID))),
        ("language:ru and paid:yes", And((RU, PAID))),
        ("language:ru AND (paid:yes and messages>10)", And((RU, PAID, SOME))),
        ("language:ru or paid:yes messages>10", Or((RU, And((PAID, SOME))))),
        ("(language:ru or paid:yes) messages > 10", And((Or((RU, PAID)), SOME))),
        ("not language:ru paid:yes", And((Not(RU), PAID))),
        ("not not language:ru", RU),
        ("language:ru language:ru", RU),
        ('language:ru,"",en', Condition("language", ("ru", "", "en"))),
        ("persona:“a b”", Condition("persona", ("a b",))),  # as phones write them
        (r'persona:"a\"\\b"', Condition("persona", ('a"\\b',))),
        ("persona:or,not", Condition("persona", ("or", "not"))),
        ("new:7d", Condition("new", days=Days(count=7))),
        ("active:2026-11-01..", Condition("active", days=Days(first=datetime(2026, 11, 1).date()))),
        ("did:start,paid in 2026-11-01", Condition("did", ("start", "paid"), days=Days(
            first=datetime(2026, 11, 1).date(), last=datetime(2026, 11, 1).date()))),
        (
            "event:quiz with score>=5 with level:a,b in 30d",
            Condition("event", ("quiz",), ":", (Property("score", ">=", ("5",)), Property("level", ":", ("a", "b"))), Days(30)),
        ),
    ],
)  # fmt: skip
def test_what_a_text_means(text: str, tree: object) -> None:
    found = parse(text)
    assert found == tree
    assert parse(str(found or "")) == found


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("ann", 1, "a condition is expected"),
        ("language:ru lang:ru", 13, "lang is no condition; there are source, language"),
        ("language:ru and", 16, "a condition is expected"),
        ("or language:ru", 1, "a condition is expected"),
        ("language:", 10, "a value is missing"),
        ("language:ru,", 13, "a value is missing"),
        ('persona:"a', 9, "a quotation mark is missing"),
        ("(language:ru", 13, "the one at character 1"),
        ("language:ru)", 12, "not opened"),
        ("paid:maybe", 6, "yes or no"),
        ("language>3", 1, "not compared by >"),
        ("messages>many", 10, "a number is expected"),
        ("messages>1,2", 10, "a number is expected"),
        ("new:soon", 5, "days are expected"),
        ("new:2026-02-30", 5, "days are expected"),
        ("new:2026-11-02..2026-11-01", 5, "days are expected"),
        ("new:..", 5, "days are expected"),
        ("new:9999d", 5, "days are expected"),
        ("did:nothing", 5, "nothing that one does; there are start"),
        ("event:quiz with Score", 17, "the name of a property"),
        ("event:quiz with score>x", 23, "a number is expected"),
        ("language:r\x00u", 11, "no text may hold"),
        ("language:\ud800", 10, "no text may hold"),
        ("not " * (DEPTH_MAX + 1) + "paid:yes", 4 * DEPTH_MAX + 1, "nested too deeply"),
        ("paid:yes " * (CONDITIONS_MAX + 1), 9 * CONDITIONS_MAX + 1, "too many conditions"),
        ("persona:" + "a" * LENGTH_MAX, LENGTH_MAX + 1, "too long"),
        ("persona:" + ",".join(map(str, range(31))), 91, "too many values"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, position: int, reason: str) -> None:
    with pytest.raises(FilterError, match=reason) as fault:
        parse(text)
    assert fault.value.position == position
    assert f"at character {position}, " in fault.value.detail


@given(st.text(max_size=60) | st.text('language:ru and (not paid=yes)>"“,\\ or in with 7d', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    tree, place = None, 1
    try:
        tree = parse(text)
    except FilterError as fault:
        place = fault.position or 0
    assert 1 <= place <= len(text) + 1
    assert parse(str(tree or "")) == tree


def test_days_begin_in_the_zone() -> None:
    zone, now = ZoneInfo("Europe/Berlin"), datetime(2026, 10, 25, 22, 50, tzinfo=UTC)  # 23:50 there
    assert Days(count=1).instants(zone, now) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    )


def test_the_older_parameters_mean_what_they_did() -> None:
    assert read_filter({}) is None
    found = read_filter({"filter": "messages>10", "paid": "1", "language": "ru", "blocked": "", "event": "quiz"})
    assert found == all_of(SOME, PAID, RU, Condition("event", ("quiz",)))
    for name, value in (("paid", "2"), ("blocked", "yes"), ("language", "r u"), ("event", "a\n"), ("filter", "x")):
        with pytest.raises(ParameterError, match=f"Parameter {name}: "):
            read_filter({name: value})


def test_the_documentation_has_every_word_and_reads() -> None:
    text = (ROOT / "docs" / "filter.md").read_text()
    examples = text.partition("```filter\n")[2].partition("```")[0].splitlines()
    examples += re.findall(r"^\| (.+?) \|", text.partition("|---|---|\n")[2], re.MULTILINE)
    read = [each for line in examples for each in (re.findall("`(.+?)`", line) or [line])]
    assert len(read) > 15
    for example in read:
        assert parse(example) is not None
    for word in (*KINDS, *DEEDS):
        assert re.search(rf"\b{word}\b", text), word
