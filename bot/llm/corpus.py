"""Small talk from chatterbot-corpus, searchable by likeness, for answering offline."""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from chatterbot_corpus.corpus import DATA_DIRECTORY

# What a character could say; the corpus also has tech support logs, and years-old politics.
_FILES = {
    "en": "conversations food gossip greetings health history humor literature movies money psychology science sports",
    "ru": "conversations food money",
}
_FOLDERS = {"en": "english", "ru": "russian"}
# Lines in which the speaker turns out to be a machine would break the role.
_OUT_OF_ROLE = re.compile(
    r"\b(a\.?i\.?|alice|artificial|binary|bots?|computers?|electricity|hal|hardware|machines?|processor|programs?|programmers?"
    r"|python|eskimos?|robots?|robotic|software|бот\w*|машин\w*|программ\w*|робот\w*|электрич\w*)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Split into words the way the index does."""
    return _WORD.findall(text.lower().replace("ё", "е"))


@dataclass(frozen=True, slots=True)
class Match:
    """Answers of the corpus to the line most like the one asked for."""

    likeness: float  # cosine, 0…1
    answers: tuple[str, ...]


class Corpus:
    """Finds the line most like another by TF-IDF cosine."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        answers: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for said, answer in pairs:
            if answer not in answers[tuple(words(said))]:
                answers[tuple(words(said))].append(answer)
        documents = [(line, tuple(found)) for line, found in answers.items() if line]
        self._answers = [found for _, found in documents]
        seen = Counter(word for line, _ in documents for word in set(line))
        self._idf = {word: math.log(1 + len(documents) / count) for word, count in seen.items()}
        self._index: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, (line, _) in enumerate(documents):
            for word, weight in self._vector(line).items():
                self._index[word].append((number, weight))

    def find(self, text: str) -> Match:
        """Find the answers to the nearest line; likeness 0 when no word is known."""
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
        length = math.sqrt(sum(value * value for value in raw.values()))
        return {word: value / length for word, value in raw.items()} if length else {}


@cache
def load_corpus(language: str) -> Corpus:
    """Read the corpus of a language; about 0.2 s the first time, so call it in a worker thread."""
    folder = Path(DATA_DIRECTORY) / _FOLDERS[language]
    return Corpus([pair for name in _FILES[language].split() for pair in _pairs(folder / f"{name}.yml")])


def _pairs(path: Path) -> list[tuple[str, str]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader
    found = []
    for conversation in content["conversations"]:
        lines = [" ".join(str(line).split()) for line in conversation]
        found += [pair for pair in pairwise(lines) if not _OUT_OF_ROLE.search(pair[1])]
    return found
