"""Figures equal a plain count, whatever people and bots do: albums, edits, updates delivered again, two bots, backlogs."""

import asyncio
import itertools
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.integration.public_bots.chain import Chain
from tests.integration.public_bots.random_chats import TOKENS, Step, play, steps

_FIRST = itertools.count(10_000, 100)
SEQUENCES, PEOPLE, STEPS = int(os.environ.get("PUBLIC_BOTS_SEQUENCES") or 40), 6, 60
QUICK: dict[str, Any] = {"derandomize": True, "max_examples": 4, "phases": [Phase.generate]}
COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def figures(row: dict[str, Any]) -> dict[str, float]:
    """The figures of a person's row that are compared."""
    revenue = {one["currency"]: round(one["amount"] * 10 ** one["minor_digits"]) for one in row["revenue"]}
    return {name: row[name] for name in ("messages", "commands", "bot_messages")} | revenue


def compare(chain: Chain, people: int, sequence: list[Step]) -> Counter[str]:
    """Play a sequence with new people, and compare their figures with each bot. Returns the sums."""
    first = next(_FIRST)
    numbers = range(first, first + people)
    counts = asyncio.run(play(chain, numbers, sequence))
    chain.stage.settle()
    known = {one["bot"] for one in chain.get("bots")["bots"]}
    for token, counted in zip(TOKENS, counts, strict=True):
        bot = token.partition(":")[0]
        for number in numbers:
            rows = chain.get("users", q=number, bot=bot)["users"] if bot in known else []
            shown = figures(rows[0]) if rows else {}
            expected = {name: value for name, value in counted[number].items() if value}
            assert {name: value for name, value in shown.items() if value} == expected, (bot, number)
    return sum((one for counted in counts for one in counted.values()), Counter())


@settings(**COMMON, **QUICK)
@given(sequence=steps(people=2, most=24))
def test_figures_equal_a_plain_count(chain: Chain, sequence: list[Step]) -> None:
    compare(chain, 2, sequence)


@pytest.mark.slow
def test_figures_of_longer_sequences_equal_a_plain_count(chain: Chain) -> None:
    sums: Counter[str] = Counter()

    @settings(**COMMON, max_examples=SEQUENCES, print_blob=True)
    @given(sequence=steps(PEOPLE, STEPS))
    def run(sequence: list[Step]) -> None:
        sums.update(compare(chain, PEOPLE, sequence) | Counter(sequences=1, steps=len(sequence)))

    run()
    print("\nfigures equal a plain count: " + ", ".join(f"{count:,} {name}" for name, count in sums.items()))
    assert sums["sequences"] >= SEQUENCES
