"""Events to send, and what is made of those that came."""

from chattrail import Person, Tracker
from chattrail.events import UserMessage
from chattrail.export.processor import Limits
from tests.support.fakes.otlp_receiver import Inbox

ANN = Person(1001)
QUICK = Limits(delay=0.02, retry=(0.02, 0.1))


def say(tracker: Tracker, how_many: int, first: int = 0) -> None:
    for number in range(first, first + how_many):
        tracker.track(UserMessage(text=str(number)), user=ANN)


def numbers(inbox: Inbox) -> list[int]:
    return [int(record.attributes["chattrail.message.text"]) for record in inbox.records]


def accounted(tracker: Tracker) -> bool:
    counts = tracker.counts()
    return counts.emitted == counts.exported + counts.dropped + counts.queued
