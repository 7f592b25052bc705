"""A stranger's bot in a process of its own: `python -m tests.faults.unknown_sender` with its wishes as JSON.

What it hands to the queue it puts down in a journal first, so that a test knows what a kill took along.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass

from chattrail import Tracker, create_tracker
from chattrail.export.processor import Limits
from chattrail.record import Record, Sink, WrappedSink
from tests.integration.chattrail.any_bot.app import build

POLLING_ENDED = "polling has ended"


@dataclass(frozen=True, slots=True)
class Wishes:
    """Settings of the bot. `queue` is how many events it may hold, `shutdown_s` how long it may take to send them at its end."""

    token: str
    telegram: str
    endpoint: str
    state: str
    journal: str
    queue: int
    shutdown_s: float

    def text(self) -> str:
        return json.dumps(asdict(self))


class Journalled(WrappedSink):
    """A sink that writes number and id of each event down before it passes it on. A kill leaves what was written."""

    def __init__(self, sink: Sink, path: str) -> None:
        super().__init__(sink)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def emit(self, record: Record) -> None:
        line = f"{record.attributes['event.sequence']!s} {record.attributes['event.id']!s}\n"
        os.write(self._file, line.encode())
        self.sink.emit(record)


async def main(wishes: Wishes) -> None:
    """Poll until SIGTERM; then say so, send what is queued, and tell what became of the events."""
    limits = Limits(queue_records=wishes.queue, batch_records=50, delay=0.05, retry=(0.05, 0.2))
    tracker: Tracker = create_tracker("stranger", endpoint=wishes.endpoint, state=wishes.state, limits=limits)
    tracker._sink = Journalled(tracker._sink, wishes.journal)
    dispatcher, bot = build(wishes.token, wishes.telegram, tracker)
    await dispatcher.start_polling(bot, polling_timeout=1)
    print(POLLING_ENDED, flush=True)
    await asyncio.to_thread(tracker.shutdown, wishes.shutdown_s)
    counts = tracker.counts()
    print(json.dumps({"emitted": counts.emitted, "exported": counts.exported, **counts.losses}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Wishes(**json.loads(sys.argv[1]))))
