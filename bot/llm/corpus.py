"""Small talk from chatterbot-corpus, searchable by similarity, for offline answers."""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
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
    r"|python|eskimos?|robots?|robotic|software|бот\w*|машин\w*|программ\w*|робот\w*|электрич\w*)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Split a text into words as the index does."""
    return _WORD.findall(text.lower().replace("ё", "е"))


@dataclass(frozen=True, slots=True)
class Match:
    """The answers that the corpus has to the line most similar to a text."""

    similarity: float  # cosine, 0…1
    answers: tuple[str, ...]


class Corpus:
    """Finds the line most similar to a text by the cosine of TF-IDF vectors."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        answers: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
        for said, answer in pairs:
            answers[tuple(words(said))][answer] = None
        answers.pop((), None)
        self._answers = [tuple(found) for found in answers.values()]
        seen = Counter(word for line in answers for word in set(line))
        self._idf = {word: math.log(1 + len(answers) / count) for word, count in seen.items()}
        self._index: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, line in enumerate(answers):
            for word, weight in self._vector(line).items():
                self._index[word].append((number, weight))

    def find(self, text: str) -> Match:
        """Find the answers to the nearest line; similarity 0 when no word is known."""
        scores: dict[int, float] = defaultdict(float)
        for word, weight in self._vector(tuple(words(text))).items():
            for number, other in self._index.get(word, ()):
                scores[number] += weight * other
        if not scores:
            return Match(0.0, ())
        best = max(scores, key=lambda number: (scores[number], -number))
        return Match(min(scores[best], 1.0), self._answers[best])

    def _vector(self, line: tuple[str, ...]) -> dict[str, float]:
        rarest = math.log(1 + max(1, len(self._answers)))
        raw = {word: count * self._idf.get(word, rarest) for word, count in Counter(line).items()}
        length = math.hypot(*raw.values())
        return {word: value / length for word, value in raw.items()} if length else {}


@cache
def load_corpus(language: str) -> Corpus:
    """Index the corpus of a language; about 0.2 s the first time, so call it in a worker thread."""
    pairs = (pair for lines in read_dialogues(language, _TOPICS[language]) for pair in pairwise(lines))
    return Corpus([pair for pair in pairs if not _OUT_OF_ROLE.search(pair[1])])
