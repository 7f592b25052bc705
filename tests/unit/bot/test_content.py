"""Texts and personas are complete in both languages, and fit where Telegram puts them."""

import ast
import re
import string
from pathlib import Path

import pytest
from babel import Locale

import bot
from bot import keyboards
from bot.content.personas import LANGUAGES, Personas, load_personas
from bot.content.plans import PLANS
from bot.content.texts import Html, Say, catalogue
from bot.handlers.chat import duration

ROOT = Path(bot.__file__).parent


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def forms(entry: object) -> list[str]:
    return list(entry.values()) if isinstance(entry, dict) else [str(entry)]


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    english, russian = catalogue("en"), catalogue("ru")
    assert english.keys() == russian.keys()
    for key in english:
        wanted = fields(forms(english[key])[0])
        assert all(fields(form) == wanted for form in forms(english[key]) + forms(russian[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    plural = Locale.parse(language).plural_form
    needed = {plural(number) for number in range(200)}
    for key, entry in catalogue(language).items():
        if isinstance(entry, dict):
            assert needed <= entry.keys(), key


def test_every_text_that_the_code_asks_for_exists_and_every_text_is_asked_for() -> None:
    asked, patterns = set(), set()
    for path in [*ROOT.glob("*.py"), *ROOT.glob("handlers/*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        parts_of_others = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts_of_others:
                asked.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in node.values]
                patterns.add("".join(parts))
    for key in catalogue("en"):
        assert key in asked or any(re.fullmatch(pattern, key) for pattern in patterns if "." in pattern), key
    sections = {key.partition(".")[0] for key in catalogue("en")}
    for key in asked:
        section, _, rest = key.partition(".")
        if section in sections and re.fullmatch(r"[a-z_]+", rest):
            assert key in catalogue("en"), key


def test_values_are_escaped_once_and_html_is_kept() -> None:
    say = Say("en")
    assert "&lt;b&gt;Eve &amp; Co&lt;/b&gt;" in say("start.again", name="<b>Eve & Co</b>")
    assert "<i>x</i>" in say("continue.recap", last=Html("<i>x</i>"))
    assert say.plain("premium.button", title="<b>", amount=3).startswith("<b>")


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("be", "ru"), ("en-GB", "en"), ("de", "en"), (None, "en"), ("", "en")],
)
def test_language_of_a_person(code: str | None, language: str) -> None:
    assert Say.to(code).language == language


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [(30, "1 minute", "1 минуту"), (7200, "2 hours", "2 часа"), (5 * 86400, "5 days", "5 дней")],
)
def test_how_long_somebody_was_away(seconds: float, english: str, russian: str) -> None:
    assert duration(seconds, Say("en")) == english
    assert duration(seconds, Say("ru")) == russian


def test_personas_are_several_and_complete() -> None:
    personas = load_personas()
    assert 4 <= len(personas.all) <= 6
    for persona in personas.all:
        assert 2 <= len(persona.stories) <= 3
        for language in LANGUAGES:
            assert len(persona.musings[language]) >= 5
            assert len(persona.questions[language]) == len(persona.questions["en"])
    assert re.search("[а-яё]", personas.all[0].stories[0].opening["ru"])


def test_ids_are_unique() -> None:
    personas = load_personas()
    with pytest.raises(ValueError, match="unique"):
        Personas([*personas.all, personas.all[0]])


@pytest.mark.parametrize("language", LANGUAGES)
def test_callback_data_fits_telegram(language: str) -> None:
    say, personas = Say(language), load_personas()
    markups = [
        keyboards.personas(personas, say),
        *(keyboards.stories(persona, say) for persona in personas.all),
        keyboards.image(say),
        keyboards.another_image(say),
        keyboards.clear(say),
        keyboards.continuing(say),
        keyboards.plans(say),
        keyboards.languages(say),
    ]
    data = [button.callback_data or "" for markup in markups for row in markup.inline_keyboard for button in row]
    assert all(0 < len(one.encode()) <= 64 for one in data)
    assert {f"premium:{plan}" for plan in PLANS} <= set(data)
    assert {"picture:new", "picture:again", "clear:yes", "clear:no", "chat:continue", "chat:fresh"} <= set(data)
