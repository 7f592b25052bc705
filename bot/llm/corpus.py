"""Small talk from chatterbot-corpus: answers to a line that is nearly one of the corpus."""

import difflib
import re
from functools import cache
from itertools import pairwise

from bot.content.dialogues import read_dialogues

# What a persona could say; the corpus also has tech support logs, and years-old politics.
_TOPICS = {
    "en": "conversations food gossip greetings health history humor literature movies money psychology science sports",
    "ru": "conversations food money",
}
# Lines in which the speaker is a machine would break the role.
_OUT_OF_ROLE = re.compile(
    r"\b(a\.?i\.?|alice|artificial|binary|bots?|computers?|electricity|hal|hardware|machines?|processor|programs?|programmers?"
    r"|python|eskimos?|robots?|robotic|software|бот\w*|искусствен\w*|машин\w*|программ\w*|робот\w*|электрич\w*)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_SIMILAR_ENOUGH = 0.75
_LONGEST = 200  # a line of the corpus is shorter


def words(text: str) -> list[str]:
    """Split a text into words without regard to case."""
    return _WORD.findall(text.lower().replace("ё", "е"))


@cache
def load_corpus(language: str) -> dict[str, tuple[str, ...]]:
    """Read the answers by the words of the line they answer; about 0.2 s the first time, so call it in a worker thread."""
    found: dict[str, dict[str, None]] = {}
    for lines in read_dialogues(language, _TOPICS[language]):
        for said, answer in pairwise(lines):
            if not _OUT_OF_ROLE.search(answer):
                found.setdefault(" ".join(words(said)), {})[answer] = None
    return {said: tuple(answers) for said, answers in found.items() if said}


def answers_to(said: str, language: str) -> tuple[str, ...]:
    """Return the answers to the most similar line; none when no line is similar enough."""
    corpus = load_corpus(language)
    nearest = difflib.get_close_matches(" ".join(words(said))[:_LONGEST], corpus, n=1, cutoff=_SIMILAR_ENOUGH)
    return corpus[nearest[0]] if nearest else ()
