"""The whole past: what happened to every person, in order of time, the newest pictures with their bytes."""

import functools
import heapq
import pickle
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from bot.llm.painter import paint
from chattrail import events
from stack.simulators.population.history_event import Happening
from stack.simulators.population.history_generator import Retelling
from stack.simulators.population.population import Member
from stack.simulators.population.visits import visits

PACK = 32
KEPT_PICTURES = 3
"""The newest pictures of a chat come with their bytes; older ones only tell that they were made."""


def happenings(member: Member, start: datetime, until: datetime) -> list[Happening]:
    """Return everything that happened to one person up to a moment, in order."""
    retelling = Retelling(member)
    for visit in visits(member, start, until):
        retelling.play(visit.at, visit.steps)
    return _with_pictures([one for one in retelling.happened if one.at < until])


def _with_pictures(happened: list[Happening]) -> list[Happening]:
    """Give the newest pictures of a chat their bytes."""
    left = KEPT_PICTURES
    for at in range(len(happened) - 1, -1, -1):
        event = happened[at].event
        if left and isinstance(event, events.ImageGenerated) and event.error_type is None and event.prompt:
            happened[at] = replace(happened[at], event=replace(event, data=painted(event.prompt)))
            left -= 1
    return happened


@functools.lru_cache(maxsize=512)
def painted(prompt: str) -> bytes:
    """Paint a picture once for all who got it."""
    return paint(prompt, 1)


class Past(Collection[Happening]):
    """What happened to all people, in order of time; may be gone through again and again.

    It is kept packed and unpacked a few events a person at a time: as objects, two months of 300 people take 60 MB.
    """

    def __init__(self, members: Iterator[Member], start: datetime, until: datetime) -> None:
        self._count = 0
        self._people: list[list[bytes]] = []
        for member in members:
            happened = happenings(member, start, until)
            self._count += len(happened)
            self._people.append([pickle.dumps(happened[at : at + PACK]) for at in range(0, len(happened), PACK)])

    def __len__(self) -> int:
        return self._count

    def __contains__(self, one: object) -> bool:
        return any(one == other for other in self)

    def __iter__(self) -> Iterator[Happening]:
        return heapq.merge(*map(_unpacked, self._people), key=lambda one: (one.at, one.member.number))


def _unpacked(packs: list[bytes]) -> Iterator[Happening]:
    for pack in packs:
        yield from pickle.loads(pack)  # noqa: S301 - packed above
