"""Random sequences of what people and bots do, played through two bots, and a plain count of what then happened."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.methods import GetUpdates
from hypothesis import strategies as st

from chattrail.aiogram import instrument
from chattrail.tracker import Tracker
from stack.simulators.telegram.person import Person
from stack.simulators.telegram.record import Entry
from stack.simulators.telegram.server import TelegramServer
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.public_bots.bots import counted
from tests.integration.public_bots.chain import Chain, client
from tests.integration.public_bots.trail import MONEY

TOKENS = ("7001:TEST", "7002:TEST")
ACTIONS = (
    "say", "say", "say", "command", "album", "photo", "sticker", "edit", "press", "press", "react", "buy", "euro", "refund",
    "block", "unblock", "down", "up", "again", "again",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One act with one bot; `amount` is how many Stars, photos or updates."""

    bot: int
    person: int
    action: str
    amount: int


def steps(people: int, most: int) -> st.SearchStrategy[list[Step]]:
    """Sequences of up to `most` steps."""
    step = st.builds(Step, st.integers(0, 1), st.integers(0, people - 1), st.sampled_from(ACTIONS), st.integers(2, 5))
    return st.lists(step, min_size=most // 2, max_size=most)


class Process:
    """A bot's process: it can end and begin again, and meanwhile updates wait."""

    def __init__(self, telegram: TelegramServer, chain: Chain) -> None:
        self.telegram, self._chain = telegram, chain
        self.bot: Bot = client(telegram)
        self._tracker: Tracker
        self._dispatcher: Dispatcher
        self._offset = 0
        self._ended: list[Bot] = []
        self.up = False

    def begin(self) -> None:
        """Start: with nothing in memory of the process before."""
        router: list[Router] = counted.make()
        self._dispatcher, self._tracker = Dispatcher(), self._chain.tracker("counted")
        self._dispatcher.include_routers(*router)
        instrument(self._dispatcher, self.bot, self._tracker)
        self.up = True

    async def deliver(self) -> None:
        """Handle all updates that wait."""
        asked = ["message_reaction", *self._dispatcher.resolve_used_update_types()]
        while self.up:
            updates = await self.bot(GetUpdates(offset=self._offset, timeout=0, allowed_updates=asked))
            if not updates:
                return
            for update in updates:
                await self._dispatcher.feed_update(self.bot, update)
                self._offset = update.update_id + 1

    async def end(self, *, again: int = 0) -> None:
        """End; the last `again` updates are not confirmed, so that the next process gets them, too."""
        if not self.up:
            return
        await self.deliver()
        await asyncio.to_thread(self._tracker.shutdown, 60.0)  # a busy machine takes its time
        assert self._tracker.dropped == 0
        self._ended.append(self.bot)
        self.bot = client(self.telegram)  # a session belongs to a process
        self.up = False
        if again:
            self.telegram.deliver_again(again)
            self._offset = 0

    async def close(self) -> None:
        """Close the sessions, all at once: each waits a quarter of a second for its connections."""
        await asyncio.gather(*(bot.session.close() for bot in (*self._ended, self.bot)))


class Stage:
    """Two bots and their people."""

    def __init__(self, processes: Sequence[Process], people: Sequence[int]) -> None:
        self._processes = processes
        self.chats = [[process.telegram.person(number) for number in people] for process in processes]
        self._charges: dict[tuple[int, int], list[str]] = {}

    async def play(self, step: Step) -> None:
        """Let one step happen; what is not possible then does not."""
        process, person = self._processes[step.bot], self.chats[step.bot][step.person]
        if step.action in {"down", "up", "again"}:
            if step.action == "up" and not process.up:
                process.begin()
            elif step.action != "up":
                await process.end(again=step.amount if step.action == "again" else 0)
            if step.action == "again" and not process.up:
                process.begin()
        elif person.blocked:
            if step.action == "unblock":
                await person.unblock()
        elif step.action in {"buy", "euro", "refund"}:
            if process.up:  # nobody waits for a bot that is down: a payment needs its answer within ten seconds
                await self._trade(process, person, step)
        else:
            await self._act(person, step)
        if process.up:
            await process.deliver()

    async def _act(self, person: Person, step: Step) -> None:
        own = [one for one in person.chat.messages.values() if one["from"]["id"] == person.id and "text" in one]
        match step.action:
            case "say":
                await person.send(f"text {step.amount}")
            case "command":
                await person.send(f"/do {step.amount} things")
            case "album":
                await person.send_album([png(shade).data for shade in range(step.amount)], "album")
            case "photo":
                await person.send_photo(png(step.amount).data)
            case "sticker":
                await person.send_sticker()
            case "edit" if own:
                await person.edit(own[-1]["message_id"], f"{own[-1]['text']} indeed")
            case "press" if more := [button for button in person.buttons if button.data == "more"]:
                await person.press(more[0])
            case "react" if person.chat.messages:
                await person.react(next(reversed(person.chat.messages)), "👍")
            case "block" if person.chat.started:
                await person.block()

    async def _trade(self, process: Process, person: Person, step: Step) -> None:
        charges = self._charges.setdefault((step.bot, step.person), [])
        if step.action == "refund":
            if charges:
                await process.bot.refund_star_payment(person.id, charges.pop())
            return
        await person.send(f"/buy {step.amount * 10} {'XTR' if step.action == 'buy' else 'EUR'}")
        await process.deliver()
        paying = asyncio.create_task(person.pay())
        while not paying.done():
            await process.deliver()
        if step.action == "buy":
            charges.append(await paying)


async def play(chain: Chain, people: Sequence[int], sequence: Sequence[Step]) -> list[dict[int, Counter[str]]]:
    """Play a sequence; returns for each bot what happened with each person, counted from the simulated Telegram's record."""
    async with AsyncExitStack() as stack:
        processes = []
        for token in TOKENS:
            telegram = await stack.enter_async_context(TelegramServer(token=token, keeps_record=True))
            processes.append(Process(telegram, chain))
            processes[-1].begin()
        stage = Stage(processes, people)
        for step in sequence:
            await stage.play(step)
        for process in processes:
            if not process.up:
                process.begin()
            await process.end()
            await process.close()
        return [{person.id: count(person.record) for person in chats} for chats in stage.chats]


def count(record: Sequence[Entry]) -> Counter[str]:
    """Count what a chat's record says, by the names of the figures."""
    counted: Counter[str] = Counter()
    for entry in record:
        if entry.kind in MONEY.values():
            money: Any = entry.content[entry.kind]
            sign = {"successful_payment": 1, "refunded_payment": -1}.get(entry.kind, 0)
            counted[money["currency"]] += sign * money["total_amount"]
        elif entry.side == "bot":
            counted["bot_messages"] += 1
        else:
            counted["commands" if entry.text.startswith("/") else "messages"] += 1
    return counted
