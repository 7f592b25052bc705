"""The catalogues: the same keys and values in every language, all plural forms, and nothing that no page uses."""

import re
import string

import pytest
from werkzeug.datastructures import LanguageAccept

from tests.support.paths import ROOT
from web.pages.language import LANGUAGES, Entry, catalogue, choose_language

WEB = ROOT / "web"


def fields(entry: Entry) -> set[str | None]:
    forms = [entry] if isinstance(entry, str) else entry.values()
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_keys_and_values(language: str) -> None:
    english, other = catalogue("en").entries, catalogue(language).entries
    assert other.keys() == english.keys()
    for key, entry in english.items():
        assert fields(other[key]) == fields(entry), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_texts_have_every_form_of_their_language(language: str) -> None:
    words = catalogue(language)
    categories = {*words.locale.plural_form.tags, "other"}
    forms = [entry.keys() for entry in words.entries.values() if not isinstance(entry, str)]
    assert forms
    assert all(each == categories for each in forms)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "1 человек"),
        (2, "2 человека"),
        (5, "5 человек"),
        (11, "11 человек"),
        (21, "21 человек"),
        (22, "22 человека"),
    ],
)
def test_russian_counts_people_rightly(count: int, expected: str) -> None:
    assert catalogue("ru").text("users.count", n=count, count=count) == expected


def test_every_text_is_used() -> None:
    """By its whole key, or by a section whose keys come from data."""
    sources = [*WEB.glob("templates/*.html"), *WEB.glob("pages/*.py")]
    code = "\n".join(source.read_text() for source in sources)
    built = set(re.findall(r"[\"']([a-z_.]+[._])[\"'] ~|f[\"']([a-z_.]+[._])\{", code))
    prefixes = tuple({prefix for pair in built for prefix in pair if prefix})
    unused = [key for key in catalogue("en").entries if key not in code and not key.startswith(prefixes)]
    unused = [key for key in unused if not key.startswith("counted.")]  # also the documentation of the API
    assert not unused


def test_every_text_that_is_asked_for_exists() -> None:
    code = "\n".join(source.read_text() for source in WEB.glob("templates/*.html"))
    asked = set(re.findall(r"\bt\([\"']([\w.]+)[\"'][,)]", code))
    assert asked
    assert asked <= catalogue("en").entries.keys()


@pytest.mark.parametrize(
    ("asked", "header", "expected"),
    [
        ("ru", [("en", 1)], "ru"),
        (None, [("ru-RU", 1), ("en", 0.5)], "ru"),
        (None, [("de", 1), ("ru", 0.3)], "ru"),
        (None, [("de", 1)], "en"),
        ("xx", [("ru", 1)], "ru"),
        (None, [], "en"),
    ],
)
def test_language_by_choice_then_by_browser(asked: str | None, header: list[tuple[str, float]], expected: str) -> None:
    assert choose_language(asked, LanguageAccept(header)) == expected
