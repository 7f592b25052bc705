"""What a person does in a visit, decided before it begins, so that a seed repeats it whatever the bot's pace is.

The live people play a script against the bot; the history has the events that the bot would have recorded for it.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from bot.content.dialogues import read_dialogues
from stack.simulators.population.population import Member

MOST_MESSAGES = 40
# Small talk; the corpus also has support logs and code questions, which nobody asks a persona.
_TOPICS = {
    "en": "conversations emotion food gossip greetings humor literature movies psychology science sports trivia",
    "ru": "conversations food money",
}
LONGEST_LINE = 300


class Act(StrEnum):
    """Something a person can do."""

    START = "start"
    PERSONA = "persona"
    STORY = "story"
    SAY = "say"
    SHOW = "show"
    """Send a photo, voice message or sticker; `text` says which."""
    IMAGE = "image"
    AGAIN = "again"
    CLEAR = "clear"
    HELP = "help"
    OFFER = "offer"
    PAY = "pay"
    DECLINE = "decline"
    REFUND = "refund"
    BLOCK = "block"
    UNBLOCK = "unblock"


@dataclass(frozen=True, slots=True)
class Step:
    """One act. `pick` in [0, 1) chooses among what is on offer, `pause` is how long they think first (1 is usual)."""

    act: Act
    text: str = ""
    answer: str = ""
    pick: float = 0.0
    pause: float = 1.0


def visit(member: Member, number: int, *, last: bool = False) -> list[Step]:
    """Write the script of a person's visit; number 0 is the first ever. `last` is the visit they leave for good in."""
    chance, habit = member.chance("visit", number), member.habit
    steps: list[Step] = []
    leaving = [Step(Act.BLOCK)] if last and blocks(member) else []

    def add(act: Act, text: str = "", answer: str = "") -> None:
        steps.append(Step(act, text, answer, chance.random(), 0.3 + chance.expovariate(1.4)))

    def choose() -> None:
        add(Act.PERSONA)
        add(Act.STORY)

    if number == 0:
        add(Act.START, member.link or "")
        if chance.random() < habit.stops_at_start:
            return [*steps, *leaving]
        choose()
    elif chance.random() < 0.2:
        add(Act.START)
    if number and chance.random() < habit.changes:
        choose()
    if chance.random() < 0.04:
        add(Act.HELP)
    turns = min(MOST_MESSAGES, max(1, round(chance.gammavariate(2.0, habit.says / 2.0))))
    for said, answer in talk(chance, member.language, turns):
        if chance.random() < 0.04:
            add(Act.SHOW, chance.choice(("photo", "voice", "sticker")), answer)
        add(Act.SAY, said, answer)
        if chance.random() < habit.images:
            add(Act.IMAGE)
            while chance.random() < habit.again:
                add(Act.AGAIN)
    if chance.random() < habit.premium:
        add(Act.OFFER)
        pays = chance.random() < habit.pays
        add(Act.PAY if pays else Act.DECLINE)
        if pays and chance.random() < habit.refunds:
            add(Act.REFUND)
    if chance.random() < habit.clears:
        add(Act.CLEAR)
        if chance.random() < 0.5:
            choose()
            add(Act.SAY, *talk(chance, member.language, 1)[0])
    return [*steps, *leaving]


def returning(member: Member, number: int) -> list[Step]:
    """Write the script of the visit in which a person who blocked the bot comes back."""
    return [Step(Act.UNBLOCK), Step(Act.START), *visit(member, number)]


def blocks(member: Member) -> bool:
    """Whether this person blocks the bot when they leave."""
    return member.chance("block").random() < member.habit.blocks_at_end


def comes_back(member: Member) -> bool:
    """Whether this person, once they blocked the bot, comes back."""
    return blocks(member) and member.chance("return").random() < member.habit.comes_back


def gone(member: Member) -> bool:
    """Whether this person had left for good before today: about half of those who were ever here."""
    return member.chance("gone").random() < 1 - min(0.9, member.habit.days / 60)


@cache
def dialogues(language: str) -> tuple[tuple[str, ...], ...]:
    """Return the dialogues of a language (en or ru), each at least a line and its answer."""
    found = (tuple(line[:LONGEST_LINE] for line in lines) for lines in read_dialogues(language, _TOPICS[language]))
    return tuple(lines for lines in found if len(lines) > 1 and all(lines))


def talk(chance: random.Random, language: str, turns: int) -> list[tuple[str, str]]:
    """Return `turns` pairs of a line and its answer: one dialogue after another, as when the subject changes."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < turns:
        lines = chance.choice(dialogues(language))
        pairs += [(lines[at], lines[at + 1]) for at in range(0, len(lines) - 1, 2)]
    return pairs[:turns]
