"""The times of past visits: growth, the rhythm of days and weeks, decaying retention, people who leave and come back."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from stack.simulators.population import script
from stack.simulators.population.population import Member

# How many visits begin in each hour of the person's own day, and on each weekday from Monday.
HOURS = (5, 3, 2, 1, 1, 1, 2, 4, 6, 6, 6, 7, 9, 9, 8, 8, 8, 10, 13, 17, 20, 22, 18, 11)
WEEKDAYS = (0.9, 0.85, 0.9, 0.95, 1.1, 1.25, 1.15)
OFFSETS = {
    "ru": (3, 3, 3, 5, 7),
    "be": (3,),
    "kk": (5,),
    "en": (-8, -6, -5, -5, 0, 0, 1),
    "de": (1,),
    "es": (1,),
    "tr": (3,),
}
EAGER_DAYS = 4.0
"""In the first days people come about twice as often as later."""
GREW_BEFORE = 0.12
"""Share of the growth that lies before the first day of the history."""
MIN_GAP = timedelta(minutes=75)
"""Shortest time between the beginnings of a person's visits, so that each is a session of its own."""


def visits(member: Member, start: datetime, until: datetime) -> Iterator[tuple[datetime, list[script.Step]]]:
    """Yield time and script of a person's visits between two times, in order, from the first ever."""
    chance = member.chance("history")
    span = until - start
    # Arrivals grow steadily, from a few a day at the start; the last hours stay free so that a first visit fits in.
    grown = (math.sqrt(GREW_BEFORE + (1 - GREW_BEFORE) * chance.random()) - GREW_BEFORE**0.5) / (1 - GREW_BEFORE**0.5)
    joined = start + (span - min(span / 10, timedelta(hours=2))) * grown
    offset = timedelta(hours=chance.choice(OFFSETS[member.language_code]))
    leaves = None  # when the person left for good
    if script.gone(member):
        leaves = min(joined + timedelta(days=chance.expovariate(1 / member.habit.days)), until)
    times = [joined, *_later(member, chance, joined, leaves or until, offset)]
    for number, at in enumerate(times):
        last = leaves is not None and number == len(times) - 1
        yield at, script.visit(member, number, last=last)
    back = times[-1] + timedelta(days=2 + chance.expovariate(1 / 4))
    if leaves is not None and script.comes_back(member) and back < until:
        yield back, script.returning(member, len(times))


def _later(
    member: Member, chance: random.Random, joined: datetime, end: datetime, offset: timedelta
) -> Iterator[datetime]:
    previous = joined
    day = (joined + offset).date()
    while True:
        midnight = datetime.combine(day, time(), UTC) - offset
        if midnight >= end:
            return
        age = max(0.0, (midnight - joined) / timedelta(days=1))
        eager = 1 + math.exp(-age / EAGER_DAYS)
        mean = member.habit.visits_per_week / 7 * eager * WEEKDAYS[day.weekday()]
        hours = chance.choices(range(24), HOURS, k=_poisson(chance, mean))
        for at in sorted(midnight + timedelta(hours=hour + chance.random()) for hour in hours):
            if previous + MIN_GAP <= at < end:
                yield at
                previous = at
        day += timedelta(days=1)


def _poisson(chance: random.Random, mean: float) -> int:
    """Draw a number of events (Knuth's method; the means here are small)."""
    limit, number, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        number += 1
        product *= chance.random()
    return number
