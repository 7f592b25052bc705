"""Invented names for simulated people, English and Russian, from names.yaml."""

import random
from pathlib import Path
from typing import Any

import yaml

_NAMES: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_LATIN = str.maketrans(_NAMES["letters"])


def invent(chance: random.Random, language: str) -> tuple[str, str]:
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
    return name, f"{latin(first)}_{latin(last)}"


def latin(name: str) -> str:
    """Spell a name in lower-case Latin letters."""
    return name.lower().translate(_LATIN)
