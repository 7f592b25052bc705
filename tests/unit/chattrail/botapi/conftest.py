"""A recorder that is given what Telegram says as JSON, without any framework."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from chattrail.botapi.recorder import recorder_of
from chattrail.context import UpdateContext, current_update, running_details
from tests.support.recording import Recording

ANN = {"id": 1001, "is_bot": False, "first_name": "Ann", "username": "ann"}
HOME = {"id": 1001, "type": "private", "first_name": "Ann", "username": "ann"}
GROUP = {"id": -100, "type": "supergroup", "title": "Friends"}
PREFIXES = ("chattrail.message.", "chattrail.premium.", "chattrail.", "telegram.message.", "telegram.")


class Desk(Recording):
    """A bot, by its number."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = recorder_of(self.tracker)
        self.bot = self.tracker.bot(42)
        self.bot.username = "my_bot"
        self.update_id = 0
        self.number = 100

    @contextmanager
    def update(self, kind: str, found: Any) -> Iterator[UpdateContext]:
        """Handle an update."""
        self.update_id += 1
        context = UpdateContext(self.tracker, self.bot)
        self.recorder.arrive(context, self.update_id, kind, found)
        token = current_update.set(context)
        try:
            yield context
        finally:
            self.tracker.settle(context)
            context.ended = True
            current_update.reset(token)

    def receive(self, kind: str, found: Any) -> None:
        """Handle an update by doing nothing."""
        with self.update(kind, found):
            pass

    def call(self, name: str, result: Any = True, /, **given: Any) -> None:
        """Make a call."""
        context = current_update.get()
        self.recorder.sent(self.bot, name, given, result, context, running_details())

    def message(self, *, chat: dict[str, Any] = HOME, **fields: Any) -> dict[str, Any]:
        """Return a message."""
        self.number += 1
        return {"message_id": self.number, "date": 1_790_000_000, "chat": chat, **fields}

    def said(self, *names: str) -> list[tuple[Any, ...]]:
        """Return the type of each event and some of its attributes."""
        return [(event["type"], *(_find(event, name) for name in names)) for event in self.events]


def _find(event: dict[str, Any], name: str) -> Any:
    return next((event[prefix + name] for prefix in PREFIXES if prefix + name in event), event.get(name))


def objects(found: Any) -> Any:
    """Make objects of JSON, as frameworks do: lists are tuples with one of them, and what is missing is None or empty."""
    if isinstance(found, dict):
        names = {("from_user" if name == "from" else name): objects(value) for name, value in found.items()}
        return SimpleNamespace(**({"photo": ()} if "message_id" in found else {}) | names)
    return tuple(map(objects, found)) if isinstance(found, list) else found


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in ("QUIET_S", "LONGEST_S"):  # edits wait until they are looked at, however slow the machine is
        monkeypatch.setattr(f"chattrail.botapi.edits.{name}", 3600.0)
    desk = Desk()
    yield desk
    assert desk.tracker.dropped == 0
    desk.tracker.shutdown()
