"""Keeps simulated people coming, so that something is always going on, at a steady pace."""

import asyncio
import logging
import random
from collections.abc import Iterator

from stack.simulators.population import script
from stack.simulators.population.player import Chatter
from stack.simulators.population.population import Member, member
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer

logger = logging.getLogger(__name__)

THINK_SECONDS = 4.0
"""Mean time somebody thinks before a step."""
REST_SECONDS = 5.0
"""Pause of a seat whose person got no answer: the bot may be away."""
NEWCOMERS = 0.12
"""Share of visits by somebody who was never here before."""
LIVE_VISITS = 10_000
"""Live visits are numbered from here, so that they do not repeat those of the past."""
LONGEST_THINK = 4.0


class Crowd:
    """`pace` acts per second, all together: as many people chat at a time as that takes.

    The people known from the past are the first `people` of the cast; newcomers follow them. Who comes in which order,
    and what they do, is decided by the seed alone; only the moments depend on the bot.
    """

    def __init__(
        self, server: TelegramServer, *, seed: int, people: int, pace: float, admin_id: int | None = None
    ) -> None:
        self._server = server
        self._seed = seed
        self._people = people
        self._seats = max(1, round(pace * THINK_SECONDS))
        self._think_seconds = self._seats / pace
        self._owner = None if admin_id is None else server.person(admin_id, name="Owner", username="owner")
        self.steps_done = 0
        self.visits = 0

    async def run(self) -> None:
        """Let people come and go until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._owner is not None:
                await self._owner.send("/start")
            for seat in range(self._seats):
                group.create_task(self._seat(seat))

    def visitors(self, seat: int) -> Iterator[tuple[Member, int, list[script.Step]]]:
        """Yield who takes a seat, with the number and script of the visit. No person ever appears at two seats."""
        chance = random.Random(f"{self._seed}/seat/{seat}")
        regulars = [
            one
            for number in range(seat, self._people, self._seats)
            if not script.gone(one := member(self._seed, number))
        ]
        weights = [one.habit.visits_per_week for one in regulars]
        visits: dict[int, int] = {}
        blocked: set[int] = set()
        newcomer = self._people + seat
        while True:
            if not regulars or chance.random() < NEWCOMERS:
                someone, number = member(self._seed, newcomer), 0
                newcomer += self._seats
                regulars.append(someone)
                weights.append(someone.habit.visits_per_week)
                steps = script.visit(someone, 0)
            else:
                someone = chance.choices(regulars, weights)[0]
                number = visits.get(someone.number, LIVE_VISITS) + 1
                visits[someone.number] = number
                # A visit may be the last: people leave after as many as their habit makes likely.
                usual = max(1.0, someone.habit.visits_per_week * someone.habit.days / 7)
                last = chance.random() < 1 / usual
                if someone.number in blocked:
                    blocked.discard(someone.number)
                    steps = script.returning(someone, number)
                else:
                    steps = script.visit(someone, number, last=last)
                if last:
                    if script.comes_back(someone):
                        blocked.add(someone.number)
                    else:
                        at = regulars.index(someone)
                        del regulars[at], weights[at]
            yield someone, number, steps

    async def _seat(self, seat: int) -> None:
        chance = random.Random(f"{self._seed}/think/{seat}")
        await asyncio.sleep(chance.random() * self._think_seconds)
        for someone, _, steps in self.visitors(seat):
            chatter = Chatter(self._handle(someone), someone, self._think, self._owner)
            went_well = await chatter.play(steps)
            self.visits += 1
            self.steps_done += chatter.steps_done
            if not went_well:
                await asyncio.sleep(REST_SECONDS)

    async def _think(self, pause: float) -> None:
        await asyncio.sleep(min(pause, LONGEST_THINK) * self._think_seconds)

    def _handle(self, someone: Member) -> Person:
        return self._server.person(
            someone.id,
            name=someone.name,
            username=someone.username,
            language_code=someone.language_code,
            is_premium=someone.is_premium,
        )
