"""The simulated people: the same seed makes the same people, and a smaller population is the beginning of a larger one."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

# Invented names, English and Russian
_NAMES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
_LATIN = str.maketrans(_NAMES["letters"])
FIRST_ID = 600_000_000
RUSSIAN_SPEAKING = frozenset({"be", "kk", "ru"})
LANGUAGES = {"en": 46, "ru": 36, "kk": 4, "be": 2, "de": 4, "es": 4, "tr": 4}
LINKS = (None, None, None, "summer_ad", "friend", "channel_post", "blog")


@dataclass(frozen=True, slots=True)
class Habit:
    """How a kind of people behaves. Chances are per visit unless said otherwise."""

    name: str
    share: int
    """How many of a hundred newcomers are of this kind."""
    visits_per_week: float
    days: float
    """How long they stay, on average."""
    says: int
    """Messages per visit, on average."""
    stops_at_start: float = 0.0
    """Chance that the very first visit ends before a persona is chosen."""
    images: float = 0.17
    """Chance of requesting an image after a message."""
    again: float = 0.3
    """Chance of requesting another one after an image."""
    clears: float = 0.03
    changes: float = 0.1
    """Chance of choosing another persona."""
    premium: float = 0.05
    pays: float = 0.2
    """Chance of paying when an invoice is there."""
    refunds: float = 0.0
    """Chance of wanting the money back."""
    blocks_at_end: float = 0.1
    """Chance that they block the bot when they leave for good."""
    comes_back: float = 0.2
    """Chance that a person who blocked the bot comes back some days later."""


HABITS = (
    Habit("passer-by", 26, visits_per_week=0.5, days=1, says=2, stops_at_start=0.6, images=0.05, blocks_at_end=0.35),
    Habit("curious", 30, visits_per_week=4, days=5, says=6, stops_at_start=0.1, blocks_at_end=0.2),
    Habit("regular", 14, visits_per_week=7, days=90, says=11, premium=0.06, pays=0.45, blocks_at_end=0.02),
    Habit("weekender", 9, visits_per_week=2, days=70, says=15, images=0.15, pays=0.3),
    Habit("collector", 9, visits_per_week=5, days=40, says=7, images=0.5, again=0.5, premium=0.12, pays=0.55),
    Habit("restless", 6, visits_per_week=5, days=25, says=5, clears=0.35, changes=0.6),
    Habit("wavering", 4, visits_per_week=4, days=30, says=6, premium=0.25, pays=0.6, refunds=0.45),
    Habit("moody", 2, visits_per_week=5, days=35, says=6, blocks_at_end=0.9, comes_back=0.9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One simulated person."""

    number: int
    id: int
    name: str
    username: str | None
    language_code: str
    is_premium: bool
    habit: Habit
    link: str | None
    """Deep-link payload they arrived by."""
    seed: str

    @property
    def language(self) -> str:
        """The language they write in: en or ru."""
        return "ru" if self.language_code in RUSSIAN_SPEAKING else "en"

    def chance(self, *what: object) -> random.Random:
        """Return the source of chance for one matter, independent of every other matter."""
        return random.Random("/".join([self.seed, *map(str, what)]))


def population(seed: int) -> Iterator[Member]:
    """Yield people without end; the n-th is always the same one for a seed."""
    for number in count():
        yield member(seed, number)


def member(seed: int, number: int) -> Member:
    """Make the n-th person of a seed."""
    own = f"{seed}/{number}"
    chance = random.Random(f"{own}/who")
    language = chance.choices(list(LANGUAGES), list(LANGUAGES.values()))[0]
    name, stem = _invent(chance, "ru" if language in RUSSIAN_SPEAKING else "en")
    return Member(
        number=number,
        # Numbers of real accounts have gaps, too; the seed gives different populations different ids.
        id=FIRST_ID + (seed % 100) * 40_000_000 + number * 397 + chance.randrange(397),
        name=name,
        username=f"{stem}{number}" if chance.random() < 0.75 else None,
        language_code=language,
        is_premium=chance.random() < 0.12,
        habit=chance.choices(HABITS, [habit.share for habit in HABITS])[0],
        link=chance.choice(LINKS),
        seed=own,
    )


def _invent(chance: random.Random, language: str) -> tuple[str, str]:
    """Return a full name and the Latin stem for a username. `language` is en or ru."""

    def one_of(kind: str) -> str:
        return chance.choice(str(_NAMES[kind]).split())

    if language == "ru":
        female = chance.random() < 0.5
        first = one_of("russian_female" if female else "russian_male")
        last = one_of("russian_last") + ("а" if female else "")
    else:
        first, last = one_of("english_first"), one_of("english_last")
    name = f"{first} {last}" if chance.random() < 0.7 else first
    return name, f"{first}_{last}".lower().translate(_LATIN)
