"""What simulated people say, and the answers that the history gives them: dialogues of chatterbot-corpus."""

import random
from functools import cache

from bot.content.dialogues import read_dialogues

# Small talk; the corpus also has support logs and code questions, which nobody asks a persona.
_TOPICS = {
    "en": "conversations emotion food gossip greetings humor literature movies psychology science sports trivia",
    "ru": "conversations food money",
}
LONGEST_LINE = 300


@cache
def dialogues(language: str) -> tuple[tuple[str, ...], ...]:
    """Return the dialogues of a language (en or ru), each at least a line and its answer."""
    found = (tuple(line[:LONGEST_LINE] for line in lines) for lines in read_dialogues(language, _TOPICS[language]))
    return tuple(lines for lines in found if len(lines) > 1 and all(lines))


def talk(chance: random.Random, language: str, turns: int) -> list[tuple[str, str]]:
    """Return `turns` pairs of a line and its answer: one dialogue after another, as when the subject changes."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < turns:
        lines = chance.choice(dialogues(language))
        pairs += [(lines[at], lines[at + 1]) for at in range(0, len(lines) - 1, 2)]
    return pairs[:turns]
