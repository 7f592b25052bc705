"""Plays a person's script against any bot: reads what it sent, presses its buttons, waits for its answers.

The player knows nothing of the bot but the prefixes of its callback data; a step whose button is missing is skipped.
"""

import io
import logging
from collections.abc import Awaitable, Callable

from PIL import Image

from stack.simulators.population.population import Member
from stack.simulators.population.script import Act, Step
from stack.simulators.telegram.chat_observer import Button
from stack.simulators.telegram.person import PaymentError, Person

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
MESSAGES_IN_SIGHT = 8
STAYS_IN_CHAT = 0.75
CLEARS_FOR_GOOD = 0.8

Think = Callable[[float], Awaitable[None]]


class ScriptPlayer:
    """One person at the keyboard. `think` waits before a step; `owner` is the person who is asked for refunds."""

    def __init__(self, person: Person, member: Member, think: Think, owner: Person | None = None) -> None:
        self._person, self._member, self._think, self._owner = person, member, think, owner
        self._charge: str | None = None
        self.steps_done = 0

    async def play(self, steps: list[Step]) -> bool:
        """Do the steps one after another. Returns False when the bot did not answer and the person gave up."""
        for step in steps:
            await self._think(step.pause)
            if self._person.blocked and step.act is not Act.UNBLOCK:
                return True
            try:
                await self._act(step)
            except TimeoutError:
                logger.info("person %s gave up: no answer to %s", self._person.id, step.act)
                return False
            self.steps_done += 1
        return True

    async def _act(self, step: Step) -> None:
        match step.act:
            case Act.START:
                await self._say(f"/start {step.text}".rstrip(), step.pick)
            case Act.SAY:
                await self._say(step.text, step.pick)
            case Act.HELP:
                await self._say("/help", step.pick)
            case Act.SHOW:
                await self._show(step.text)
            case Act.PERSONA:
                await self._choose_persona(step.pick)
            case Act.STORY:
                await self._press_one("story:", step.pick)
            case Act.IMAGE:
                await self._press_one("picture:new")
            case Act.AGAIN:
                await self._press_one("picture:again")
            case Act.CLEAR:
                await self._send("/clear")
                await self._press_one("clear:yes" if step.pick < CLEARS_FOR_GOOD else "clear:no")
            case Act.OFFER:
                await self._send("/premium")
                await self._press_one("premium:", step.pick)
            case Act.PAY if self._person.has_invoice:
                await self._pay()
            case Act.DECLINE if self._person.has_invoice:
                await self._person.decline()
            case Act.REFUND if self._charge is not None and self._owner is not None:
                await self._owner.send(f"/refund {self._person.id} {self._charge}")
                await self._answer()
                self._charge = None
            case Act.BLOCK:
                await self._person.block()
            case Act.UNBLOCK:
                await self._person.unblock()

    async def _say(self, text: str, pick: float) -> None:
        await self._send(text)
        if self._offered("chat:", newest=1):
            await self._press_one("chat:continue" if pick < STAYS_IN_CHAT else "chat:fresh")
        elif not text.startswith("/") and self._offered("persona:", newest=1):
            # The bot does not remember this person: choose, then say it again.
            await self._choose_persona(pick)
            await self._press_one("story:", pick)
            await self._send(text)

    async def _show(self, kind: str) -> None:
        if kind == "photo":
            await self._person.send_photo(_photo(self._member.number))
        elif kind == "voice":
            await self._person.send_voice(b"OggS" + bytes(60))
        else:
            await self._person.send_sticker()
        await self._answer()

    async def _choose_persona(self, pick: float) -> None:
        if not self._offered("persona:"):
            await self._send("/personas")
        await self._press_one("persona:", pick)

    async def _pay(self) -> None:
        try:
            self._charge = await self._person.pay()
        except PaymentError as error:
            logger.info("person %s could not pay: %s", self._person.id, error)
        else:
            await self._answer()

    async def _press_one(self, prefix: str, pick: float = 0) -> None:
        """Press one of the buttons with a prefix under the newest message that has any."""
        if offered := self._offered(prefix):
            newest = [button for button in offered if button.message_id == offered[0].message_id]
            await self._person.press(newest[int(pick * len(newest))])
            await self._answer()

    def _offered(self, prefix: str, newest: int = MESSAGES_IN_SIGHT) -> list[Button]:
        return [button for button in self._person.look(newest) if (button.data or "").startswith(prefix)]

    async def _send(self, text: str) -> None:
        await self._person.send(text)
        await self._answer()

    async def _answer(self) -> None:
        await self._person.next_message(timeout=PATIENCE_SECONDS)


def _photo(number: int) -> bytes:
    """Make a small plain photo that no other person has."""
    out = io.BytesIO()
    Image.new("RGB", (160, 120), (number * 37 % 256, number * 91 % 256, number * 53 % 256)).save(out, "JPEG")
    return out.getvalue()
