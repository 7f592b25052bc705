"""Polls and quizzes that the bot or people sent: who chose what, and the objects of the wire."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from stack.simulators.telegram.chats import Newest
from stack.simulators.telegram.wire import Json, bad_request


@dataclass(slots=True)
class Poll:
    """One poll. `votes` are the chosen options by the person's id."""

    id: str
    question: str
    options: Sequence[str]
    is_anonymous: bool = True
    multiple: bool = False
    correct: Sequence[int] | None = None
    """Of a quiz: the right options."""
    explanation: str | None = None
    revoting: bool = True
    is_closed: bool = False
    votes: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def as_json(self) -> Json:
        """The Poll object of the wire."""
        counted = Counter(option for chosen in self.votes.values() for option in chosen)
        quiz: Json = {"type": "regular"}
        if self.correct is not None:
            quiz = {"type": "quiz", "correct_option_ids": list(self.correct)}
            if len(self.correct) == 1:
                quiz["correct_option_id"] = self.correct[0]
            if self.explanation:
                quiz |= {"explanation": self.explanation, "explanation_entities": []}
        return {
            "id": self.id,
            "question": self.question,
            "options": [
                {"persistent_id": self.persistent_id(number), "text": text, "voter_count": counted[number]}
                for number, text in enumerate(self.options)
            ],
            "total_voter_count": len(self.votes),
            "is_closed": self.is_closed,
            "is_anonymous": self.is_anonymous,
            "allows_multiple_answers": self.multiple,
            "allows_revoting": self.revoting,
            "members_only": False,
            **quiz,
        }

    def persistent_id(self, option: int) -> str:
        """Return the id of an option that stays when options are added before it."""
        return f"{self.id[-6:]}{option:02d}"

    def vote(self, person_id: int, options: Sequence[int]) -> None:
        """Take a person's vote; none: take it back. Raises ValueError for what Telegram's apps do not offer."""
        if self.is_closed or not set(options) <= set(range(len(self.options))):
            raise ValueError("the poll is closed, or has no such option")
        if len(options) > 1 and not self.multiple:
            raise ValueError("the poll takes one option only")
        if person_id in self.votes and not self.revoting:
            raise ValueError("the vote in this poll is final")
        if options:
            self.votes[person_id] = tuple(sorted(options))
        else:
            self.votes.pop(person_id, None)


class Polls:
    """The newest polls, by id."""

    def __init__(self) -> None:
        self._polls: Newest[str, Poll] = Newest(1000)

    def add(self, question: str, options: Sequence[str], **facts: object) -> Poll:
        """Make a poll."""
        poll = Poll(str(5_000_000_000_000_000_000 + secrets.randbits(60)), question, options, **facts)  # type: ignore[arg-type]
        self._polls[poll.id] = poll
        return poll

    def of(self, message: Json) -> Poll:
        """Return the poll of a message. Raises the server's 400 for a message without one."""
        if "poll" not in message:
            raise bad_request("message with poll to stop not found")
        return self._polls[message["poll"]["id"]]
