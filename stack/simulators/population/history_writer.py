"""Writes a person's history, event by event, with the state of the chat at the time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.content.personas import Persona, Story
from bot.content.texts import Say
from chattrail import events
from stack.simulators.population.population import Member
from stack.simulators.population.script import Step
from stack.simulators.telegram.entities import parse

ANSWERS = (events.BotMessage, events.AiMessage, events.ImageGenerated, events.HandlerFailed)
"""Events that handling an update causes, as edits and reactions of the bot's are; every other event is an update of its own."""
PERSON_SECONDS = 16.0
"""The length of a pause of 1 in a script."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """An event, its time, and the chat's state at that time."""

    at: datetime
    member: Member
    event: events.Event
    update: int
    """Counts the updates of this person; an answer has the number of the update that it answers."""
    message_id: int | None
    persona_id: str
    story_id: str


class HistoryWriter:
    """The chat of one person so far."""

    def __init__(self, member: Member) -> None:
        self.history: list[HistoryEvent] = []
        self._member = member
        self._say = Say(member.language)
        self._chance = member.chance("past")
        self._besides = member.chance("past", "besides")  # of its own: what it decides changes nothing else
        self._now = datetime.min.replace(tzinfo=UTC)
        self._message_id = member.number % 7 * 31
        self._update = self._messages = self._images = 0
        self._persona: Persona | None = None
        self._story: Story | None = None
        self._image_id: str | None = None
        self._plan = ""
        self._payment: events.PremiumAction | None = None
        self._offered_personas = False

    def _wait(self, step: Step) -> None:
        self._now += timedelta(seconds=step.pause * PERSON_SECONDS)

    def _takes(self, mean: float, deviation: float) -> float:
        took = self._chance.lognormvariate(mean, deviation)
        self._now += timedelta(milliseconds=took)
        return round(took, 1)

    def _record(
        self, event: events.Event, *, message: bool = False, pressed: bool = False, tracked: bool = False
    ) -> None:
        """Add an event: of a new `message`, of a button `pressed` under the newest one, or `tracked` in the same update."""
        self._message_id += message
        self._update += not (isinstance(event, ANSWERS) or tracked)
        message_id = self._message_id if message or pressed or tracked else None
        self._add(event, message_id)

    def _add(self, event: events.Event, message_id: int | None) -> None:
        persona, story = (one.id if one else "" for one in (self._persona, self._story))
        self.history.append(HistoryEvent(self._now, self._member, event, self._update, message_id, persona, story))
        self._now += timedelta(milliseconds=1)

    def _press(self, label: str) -> None:
        self._record(events.UserMessage(text=label, kind="button", length=len(label)), pressed=True)

    def _answer(self, key: str, **values: object) -> None:
        self._now += timedelta(milliseconds=self._chance.uniform(60, 220))
        text, _ = parse(self._say(key, **values), "HTML")
        self._record(events.BotMessage(text=text, length=len(text)), message=True)

    def _command(self, name: str) -> None:
        self._record(events.Command(name=name), message=True)
