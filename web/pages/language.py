"""The words of the pages: one TOML file a language in `web/texts`, plural forms by the rules of Babel's CLDR."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from werkzeug.datastructures import LanguageAccept

from web.analytics.bounds import NUMBER_MAX

TEXTS = Path(__file__).parent.parent / "texts"
LANGUAGES = ("en", "ru")
COOKIE = "language"

Entry = str | Mapping[str, str]


@dataclass(frozen=True)
class Catalogue:
    """All texts of one language, by dotted key: "users.title"."""

    language: str
    locale: Locale
    entries: Mapping[str, Entry]

    def text(self, key: str, **values: object) -> str:
        """Return a text with its values put in; one with plural forms is chosen by the value `n`."""
        entry = self.entries[key]
        if not isinstance(entry, str):
            number = values["n"]
            assert isinstance(number, int | float)
            counted = -NUMBER_MAX <= number <= NUMBER_MAX
            entry = entry[self.locale.plural_form(number) if counted else "other"]
        return entry.format_map(values)

    def has(self, key: str) -> bool:
        """Whether there is a text of this key: for words that depend on data, such as an event's type."""
        return key in self.entries


@cache
def catalogue(language: str) -> Catalogue:
    """Load a language's texts, once in a process."""
    locale = Locale.parse(language)
    tree = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    return Catalogue(language, locale, dict(_flat(tree, locale)))


def choose_language(chosen: str | None, accepted: LanguageAccept) -> str:
    """Take the chosen language (parameter or cookie) if there is one, else the one that the browser prefers."""
    if chosen in LANGUAGES:
        return str(chosen)
    # Best first. werkzeug's own best_match would prefer an exact "en" to a "ru-RU" above it.
    for wanted in accepted.values():
        primary = wanted.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return LANGUAGES[0]


def _flat(tree: Mapping[str, Any], locale: Locale, above: str = "") -> list[tuple[str, Entry]]:
    """Turn sections into dotted keys. A table whose keys are plural categories is one text with its forms."""
    found: list[tuple[str, Entry]] = []
    categories = {*locale.plural_form.tags, "other"}
    for name, value in tree.items():
        key = f"{above}{name}"
        if isinstance(value, str) or value.keys() == categories:
            found.append((key, value))
        else:
            found.extend(_flat(value, locale, f"{key}."))
    return found
