"""What simulated people say, and what they were answered in the past: dialogues of chatterbot-corpus."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from chatterbot_corpus.corpus import DATA_DIRECTORY

# Small talk; the corpus also has support logs and code questions, which nobody brings to a persona.
_FILES = {
    "en": "conversations emotion food gossip greetings humor literature movies psychology science sports trivia",
    "ru": "conversations food money",
}
_FOLDERS = {"en": "english", "ru": "russian"}
LONGEST_LINE = 300


@cache
def dialogues(language: str) -> tuple[tuple[str, ...], ...]:
    """Return the dialogues of a language (en or ru), each at least a line and its answer. About 0.1 s the first time."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: list[tuple[str, ...]] = []
    for name in _FILES[language].split():
        path = Path(DATA_DIRECTORY) / _FOLDERS[language] / f"{name}.yml"
        content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
        for conversation in content["conversations"]:
            lines = tuple(" ".join(str(line).split())[:LONGEST_LINE] for line in conversation)
            if len(lines) > 1 and all(lines):
                found.append(lines)
    return tuple(found)


def talk(chance: random.Random, language: str, turns: int) -> list[tuple[str, str]]:
    """Return `turns` pairs of a line and its answer: one dialogue after another, as somebody changes the subject."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < turns:
        lines = chance.choice(dialogues(language))
        pairs += [(lines[at], lines[at + 1]) for at in range(0, len(lines) - 1, 2)]
    return pairs[:turns]
