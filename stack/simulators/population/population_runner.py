"""Keeps simulated people coming at a steady pace."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator

from stack.simulators.population import script
from stack.simulators.population.player import ScriptPlayer
from stack.simulators.population.population import Member, member
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.server import TelegramServer

logger = logging.getLogger(__name__)

THINK_SECONDS = 4.0
"""Mean pause of a person before a step."""
REST_SECONDS = 5.0
"""Pause of a seat whose person got no answer: the bot may be down."""
NEWCOMERS = 0.12
"""Share of visits by a person who was never here before."""
LIVE_VISITS = 10_000
"""The number of the first live visit, so that live visits do not repeat those of the history."""
LONGEST_THINK = 4.0


class PopulationRunner:
    """`pace` acts per second, all together: as many people chat at a time as that takes.

    The people of the history are the first `people` of the population; newcomers follow them. The seed alone decides the
    order of people and what they do; only the times depend on the bot.
    """

    def __init__(
        self, server: TelegramServer, *, seed: int, people: int, pace: float, admin_id: int | None = None
    ) -> None:
        self._server, self._seed, self._people = server, seed, people
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
                group.create_task(self._run_seat(seat))

    def visitors(self, seat: int) -> Iterator[tuple[Member, int, list[script.Step]]]:
        """Yield the visitors of a seat, with the number and script of the visit. No person ever appears at two seats."""
        chance = random.Random(f"{self._seed}/seat/{seat}")
        known = (member(self._seed, number) for number in range(seat, self._people, self._seats))
        regulars = [one for one in known if not script.gone(one)]
        visits: Counter[int] = Counter()
        blocked: set[int] = set()
        newcomer = self._people + seat
        while True:
            if not regulars or chance.random() < NEWCOMERS:
                visitor = member(self._seed, newcomer)
                newcomer += self._seats
                regulars.append(visitor)
                yield visitor, 0, script.visit(visitor, 0)
                continue
            visitor = chance.choices(regulars, [one.habit.visits_per_week for one in regulars])[0]
            visits[visitor.number] += 1
            number = LIVE_VISITS + visits[visitor.number]
            # A visit may be the last: people leave after as many as their habit makes likely.
            usual = max(1.0, visitor.habit.visits_per_week * visitor.habit.days / 7)
            last = chance.random() < 1 / usual
            if visitor.number in blocked:
                blocked.discard(visitor.number)
                steps = script.returning(visitor, number)
            else:
                steps = script.visit(visitor, number, last=last)
            if last and script.comes_back(visitor):
                blocked.add(visitor.number)
            elif last:
                regulars.remove(visitor)
            yield visitor, number, steps

    async def _run_seat(self, seat: int) -> None:
        chance = random.Random(f"{self._seed}/think/{seat}")
        await asyncio.sleep(chance.random() * self._think_seconds)
        for visitor, _, steps in self.visitors(seat):
            player = ScriptPlayer(self._person(visitor), visitor, self._think, self._owner)
            was_answered = await player.play(steps)
            self.visits += 1
            self.steps_done += player.steps_done
            if not was_answered:
                await asyncio.sleep(REST_SECONDS)

    async def _think(self, pause: float) -> None:
        await asyncio.sleep(min(pause, LONGEST_THINK) * self._think_seconds)

    def _person(self, visitor: Member) -> Person:
        return self._server.person(
            visitor.id,
            name=visitor.name,
            username=visitor.username,
            language_code=visitor.language_code,
            is_premium=visitor.is_premium,
        )
