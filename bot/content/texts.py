"""What the bot says, from one catalogue in English and Russian.

Values put into a text are escaped for Telegram's HTML, so no handler has to remember to. A text that depends on a number is
a mapping of plural forms in the catalogue, chosen by `n`.
"""

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import yaml
from babel import Locale

from bot.content.personas import LANGUAGES, Persona, Story

_DIRECTORY = Path(__file__).parent
Entry = str | dict[str, str]


class Html(str):
    """Text that is Telegram HTML already and must not be escaped again."""

    __slots__ = ()


@cache
def catalogue(language: str) -> dict[str, Entry]:
    """Read the texts of a language, keyed "subject.text"."""
    sections = yaml.safe_load((_DIRECTORY / f"texts.{language}.yaml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": entry for section, texts in sections.items() for key, entry in texts.items()}


class Say:
    """The catalogue in one person's language."""

    def __init__(self, language: str) -> None:
        self.language = language

    @classmethod
    def to(cls, language_code: str | None) -> "Say":
        """Choose by Telegram's language_code ("ru-RU", "en"…); English when we do not speak it."""
        code = (language_code or "").lower().partition("-")[0]
        # People with these languages mostly read Russian better than English.
        return cls("ru" if code in {"be", "kk", "ru"} else code if code in LANGUAGES else "en")

    def __call__(self, key: str, **values: Any) -> str:
        """Text as Telegram HTML, with the values escaped."""
        return self._form(key, values).format_map({name: _escaped(value) for name, value in values.items()})

    def plain(self, key: str, **values: Any) -> str:
        """Text for where Telegram knows no HTML: button labels, pop-ups, invoices."""
        return self._form(key, values).format_map(values)

    def names(self, persona: Persona, story: Story) -> dict[str, str]:
        """Return the values of the texts that name a persona and a story."""
        return {"persona": persona.name[self.language], "story": story.title[self.language]}

    def _form(self, key: str, values: dict[str, Any]) -> str:
        entry = catalogue(self.language)[key]
        return entry if isinstance(entry, str) else entry[Locale.parse(self.language).plural_form(values["n"])]


def _escaped(value: object) -> object:
    return escape(value, quote=False) if isinstance(value, str) and not isinstance(value, Html) else value
