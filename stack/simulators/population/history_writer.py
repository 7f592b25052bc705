"""Writes a person's history, event by event, with the state of the chat at the time."""

import json
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
# What happens besides talk: how often corrections, reactions, answers that are stopped, polls.
EDITS, REACTS, STOPS, POLLED = 0.02, 0.05, 0.004, 0.06
REACTIONS = ("👍", "❤", "😁", "🔥", "🤔")
QUESTION = {"en": "Which story would you like next?", "ru": "Какую историю вы хотите дальше?"}


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

    def _say_besides(self, step: Step, said: int) -> None:
        """Let the person do what needs no answer: correct what they said, react, stop the answer."""
        chance = self._besides
        if chance.random() < EDITS:
            text = f"{step.text.rstrip('.!?')}!"
            edited = events.MessageEdited(side="person", text=text, kind="text", length=len(text), edits=1)
            self._besides_update(edited, said, 20)
        if chance.random() < REACTS:
            self._besides_update(events.Reaction(side="person", emoji=chance.choice(REACTIONS)), self._message_id, 10)
        if chance.random() < STOPS:
            self._besides_update(events.ChatAction(action="generation_stopped"), None, 3)

    def _besides_update(self, event: events.Event, message_id: int | None, seconds: float) -> None:
        self._now += timedelta(seconds=self._besides.uniform(1, seconds))
        self._update += 1
        self._add(event, message_id)

    def _ask_which_story(self) -> None:
        """Let the bot ask in a poll which story it should tell next, and take the question away once it is answered."""
        assert self._persona
        language, poll_id = self._say.language, str(self._besides.getrandbits(62))
        question, titles = QUESTION[language], [story.title[language] for story in self._persona.stories]
        data = json.dumps({"id": poll_id, "type": "regular", "options": titles}, ensure_ascii=False)
        self._record(events.BotMessage(kind="poll", text=question, length=len(question), data=data), message=True)
        asked, chosen = self._message_id, self._besides.randrange(len(titles))
        vote = events.PollAction(action="voted", poll_id=poll_id, options=str(chosen), text=titles[chosen])
        self._besides_update(vote, asked, 20)
        self._add(events.MessageDeleted(), asked)
