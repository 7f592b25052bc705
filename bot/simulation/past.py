"""The whole past: what happened to every person, in order of time, the newest pictures with their bytes."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bot.brain.painter import paint
from bot.simulation.cast import Member
from bot.simulation.history import visits
from bot.simulation.retelling import Happening, Retelling
from chattrail import events

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


def all_happenings(members: Iterator[Member], start: datetime, until: datetime) -> list[Happening]:
    """Return what happened to all people, in order of time."""
    everything = [one for member in members for one in happenings(member, start, until)]
    return sorted(everything, key=lambda one: (one.at, one.member.number))
