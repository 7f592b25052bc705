"""What happens in a chat besides talk: corrections, reactions, answers that are stopped, polls.

All of it comes from a source of chance of its own, so that it changes nothing else.
"""

import json
from datetime import timedelta

from chattrail import events
from stack.simulators.population.history_writer import HistoryWriter
from stack.simulators.population.script import Step

EDITS, REACTS, STOPS, POLLED = 0.02, 0.05, 0.004, 0.06
REACTIONS = ("👍", "❤", "😁", "🔥", "🤔")
QUESTION = {"en": "Which story would you like next?", "ru": "Какую историю вы хотите дальше?"}


class Besides(HistoryWriter):
    """What a person does that needs no answer, and a question of the bot's."""

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
