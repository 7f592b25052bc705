"""The whole history: the events of every person, in order of time, images with their bytes."""

import functools
import heapq
import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from bot.content.images import image_for
from chattrail import events
from stack.simulators.population.history_generator import HistoryGenerator
from stack.simulators.population.history_writer import HistoryEvent
from stack.simulators.population.population import Member
from stack.simulators.population.visits import visits

PACK = 32
_image = functools.lru_cache(maxsize=512)(functools.partial(image_for, seed=1))  # prompts repeat, and images with them


def person_history(member: Member, start: datetime, until: datetime) -> list[HistoryEvent]:
    """Return the events of one person up to a time, in order."""
    generator = HistoryGenerator(member)
    for at, steps in visits(member, start, until):
        generator.play(at, steps)
    return [one for one in generator.history if one.at < until]


def with_image(one: HistoryEvent) -> HistoryEvent:
    """Add the bytes of the image to an event of one. They are made when the event is sent: all of them are 240 MB."""
    event = one.event
    if not isinstance(event, events.ImageGenerated) or not event.image_id:
        return one
    return replace(one, event=replace(event, data=_image(event.prompt or "")))


class History:
    """The events of all people, in order of time; may be iterated again and again.

    They are kept pickled and read a few a person at a time: as objects, two months of 300 people take 60 MB.
    """

    def __init__(self, members: Iterator[Member], start: datetime, until: datetime) -> None:
        self._count = 0
        self._people: list[list[bytes]] = []
        for member in members:
            history = person_history(member, start, until)
            self._count += len(history)
            self._people.append([pickle.dumps(history[at : at + PACK]) for at in range(0, len(history), PACK)])

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[HistoryEvent]:
        people = (chain.from_iterable(map(pickle.loads, packs)) for packs in self._people)
        return map(with_image, heapq.merge(*people, key=lambda one: (one.at, one.member.number)))
