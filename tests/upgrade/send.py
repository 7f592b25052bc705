"""What senders do to a data folder, as a script that any version's interpreter runs: `python send.py ROLE ENDPOINT STATE`.

Bots use the library's public names alone, so that the script runs with the library of an older version as well; other
programs send OTLP/JSON. It prints how many events were taken, as JSON.
"""

import asyncio
import base64
import io
import json
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from PIL import Image

from chattrail import Chat, Person, Tracker, create_tracker
from chattrail.events import (
    AiMessage,
    BotBlocked,
    BotUnblocked,
    ChatCleared,
    ChatContinued,
    Command,
    Event,
    HandlerFailed,
    ImageGenerated,
    ImageRefresh,
    PersonaSelected,
    PremiumAction,
    StartCommand,
    StorySelected,
    UserMessage,
)

ANN = Person(700100, "ann", "Ann Marlow", "en", is_premium=False)
BEN = Person(700200, "ben", "Бен", "ru", is_premium=True)
EVE = "700300"  # known to programs without the library alone
FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = b"a key for ids of the upgrade test"


def image_bytes(format_: str, colour: str) -> bytes:
    """A small image."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").point(lambda v: v // 2).save(file, format_)
    with Image.open(file) as image, Image.new("RGB", image.size, colour) as plain, io.BytesIO() as mixed:
        Image.blend(image.convert("RGB"), plain, 0.5).save(mixed, format_)
        return mixed.getvalue()


def conversation() -> list[tuple[Person, Event]]:
    """Every type of event, of two people, in order."""
    kept = image_bytes("PNG", "orange")
    return [
        (ANN, StartCommand(payload="summer_ad", returning=False)),
        (ANN, PersonaSelected(persona_id="luna", name="Luna")),
        (ANN, StorySelected(story_id="lighthouse", name="The lighthouse")),
        (ANN, UserMessage(text="Good evening, is the light on?", length=30)),
        (ANN, AiMessage(text="It turns, as ever. <b>Come in</b> & sit down.", length=44, provider="openai",
                        request_model="m-1", response_model="m-1-2026", input_tokens=210, output_tokens=12,
                        duration_ms=812.5)),
        (ANN, ImageGenerated(image_id="p-1", data=kept, content_type="image/png", prompt="a lamp", duration_ms=5200.0)),
        (ANN, ImageRefresh(image_id="p-1")),
        (ANN, ImageGenerated(image_id="p-2", data=image_bytes("JPEG", "navy"), content_type="image/jpeg", prompt="fog")),
        (BEN, StartCommand(returning=True)),
        (BEN, ChatContinued(idle_s=86400.0)),
        (BEN, UserMessage(text="Привет 👋\nвторая строка", length=22)),
        (BEN, AiMessage(error_type="timeout", request_model="m-1", duration_ms=45000.0)),
        (BEN, ImageGenerated(image_id="p-3", data=kept, content_type="image/png", prompt="the same lamp")),
        (BEN, ImageGenerated(image_id="p-4", url="https://127.0.0.1/none.png", prompt="nowhere")),
        (BEN, ImageGenerated(error_type="content_policy", prompt="refused")),
        (BEN, Command(name="help")),
        (BEN, ChatCleared(messages=4)),
        (BEN, HandlerFailed(error_type="KeyError", message="'persona'", handler="bot.handlers.chat.on_text")),
        (ANN, PremiumAction(action="offered", plan="month", amount=250.0, currency="XTR")),
        (ANN, PremiumAction(action="paid", plan="month", amount=250.0, currency="XTR", charge_id="c-1")),
        (BEN, BotBlocked()),
        (BEN, BotUnblocked()),
        (BEN, BotBlocked()),
    ]  # fmt: skip


def track(tracker: Tracker, events: Sequence[tuple[Person, Event]], day: int) -> None:
    """Track events at steps of ten minutes, so that they are in several quarters of an hour and sessions stay whole."""
    for number, (person, event) in enumerate(events):
        at = FIRST + timedelta(days=day, minutes=10 * number)
        tracker.track(
            event, user=person, chat=Chat(int(person.id)), update_id=day * 100 + number, message_id=number, timestamp=at
        )


def taken(tracker: Tracker) -> dict[str, int]:
    """Send everything; how many events were taken."""
    assert tracker.flush(60)
    count = tracker.counts().exported
    tracker.shutdown()
    return {"events": count}


def bot(endpoint: str, state: str) -> dict[str, int]:
    """All types of events; one is lost before it becomes a record."""
    lost = iter([False] * 10 + [True])

    def before_send(record: Any) -> Any:
        if next(lost, False):
            raise ValueError("as a faulty callback would")
        return record

    tracker = create_tracker("upgrade-bot", service_version="1.0", environment="production", endpoint=endpoint,
                             when_full="wait", state=state, before_send=before_send)  # fmt: skip
    track(tracker, conversation(), 0)
    return taken(tracker)


def hashed(endpoint: str, state: str) -> dict[str, int]:
    """A bot that hides ids and texts."""
    tracker = create_tracker("hidden-bot", endpoint=endpoint, hash_user_ids_with=KEY, message_text=False)
    track(tracker, conversation()[:7], 1)
    return taken(tracker)


class Stalling(OTLPLogExporter):
    """Exports until it is stalled; from then on an export never ends."""

    stalled = False

    def export(self, batch: Any) -> Any:
        return threading.Event().wait() if self.stalled else super().export(batch)


def killed(endpoint: str, state: str) -> dict[str, int]:
    """A process that is killed with two events in its queue."""
    exporter = Stalling(f"{endpoint}/v1/logs")
    tracker = create_tracker("upgrade-bot", exporter=exporter, state=state)
    track(tracker, conversation()[8:11], 2)
    assert tracker.flush(60)
    exporter.stalled = True
    track(tracker, conversation()[3:5], 2)
    print(json.dumps({"events": tracker.counts().exported}), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def reporter(endpoint: str, state: str) -> dict[str, int]:
    """A process that has no event, but reports those that were killed."""
    return taken(create_tracker("upgrade-bot", endpoint=endpoint, state=state))


def waiting(endpoint: str, state: str) -> dict[str, int]:
    """An image, sent while the store of images cannot take it."""
    tracker = create_tracker("upgrade-bot", endpoint=endpoint)
    track(tracker, [(ANN, ImageGenerated(image_id="p-5", data=image_bytes("PNG", "green"), prompt="a green lamp"))], 3)
    return taken(tracker)


def premium(endpoint: str, state: str) -> dict[str, int]:
    """The bot's own ledger: a plan that is paid, and one that is refunded."""
    from bot.premium import Entry, FileStore

    async def pay() -> None:
        store = FileStore(Path(state).with_name("premium.sqlite3"))  # the name that `make run` gives it
        await store.add(Entry("paid", int(ANN.id), "c-1", "month", 30, 300, FIRST.timestamp()))
        await store.add(Entry("paid", int(BEN.id), "c-2", "week", 7, 100, FIRST.timestamp()))
        await store.add(Entry("refunded", int(BEN.id), "c-2", "week", 7, 100, FIRST.timestamp()))

    asyncio.run(pay())
    return {"events": 0}


def late(endpoint: str, state: str) -> dict[str, int]:
    """Events that the collector keeps because the sidecar is away."""
    tracker = create_tracker("upgrade-bot", endpoint=endpoint)
    last = ImageGenerated(image_id="p-6", data=image_bytes("JPEG", "red"), content_type="image/jpeg", prompt="dawn")
    track(tracker, [(ANN, UserMessage(text="Are you still there?", length=20)), (ANN, last), *conversation()[8:11]], 4)
    return taken(tracker)


def value(given: object) -> dict[str, Any]:
    """A Python value as OTLP/JSON carries it."""
    match given:
        case bool():
            return {"boolValue": given}
        case int():
            return {"intValue": str(given)}
        case float():
            return {"doubleValue": given}
        case bytes():
            return {"bytesValue": base64.b64encode(given).decode()}
        case list():
            return {"arrayValue": {"values": [value(each) for each in given]}}
        case dict():
            return {"kvlistValue": {"values": pairs(given)}}
        case _:
            return {"stringValue": str(given)}


def pairs(given: dict[str, Any]) -> list[dict[str, Any]]:
    """A mapping as OTLP/JSON carries it."""
    return [{"key": key, "value": value(each)} for key, each in given.items()]


def record(
    number: int, name: str, attributes: dict[str, Any], body: object = "", *, timed: bool = True
) -> dict[str, Any]:
    """A log record; one with a number is an event of its process."""
    at = FIRST + timedelta(days=5, minutes=number)
    own = {"event.id": f"019cb000-0000-{7 if timed else 4}000-8000-{number:012x}", "event.sequence": number}
    given = {**(own if name.startswith("chattrail.") else {}), **attributes}
    time = {"timeUnixNano": str(int(at.timestamp()) * 10**9)} if timed else {}
    return {**time, "eventName": name, "severityText": "INFO", "severityNumber": 9, "body": value(body),
            "attributes": pairs(given)}  # fmt: skip


def other(endpoint: str, state: str) -> dict[str, int]:
    """A program without the library: gaps of several kinds, a dead letter, an event without a time, structured bodies."""
    who = {"user.id": EVE, "telegram.user.name": "Eve", "telegram.user.language_code": "de"}
    lost = {"chattrail.dropped.queue_full": 1, "chattrail.dropped.refused": 1}
    text = "chattrail.message.text"
    events = [
        record(1, "chattrail.start_command", who),
        record(2, "chattrail.user_message", {**who, text: "Is anybody here?"}),
        record(5, "chattrail.user_message", {**who, **lost, "extra": ["x", True]}, {"a": [1, {"b": 2.5}], "c": "kept"}),
        record(6, "chattrail.user_message", {}),
        record(9, "chattrail.made_up", who),
        record(10, "chattrail.ai_message", {**who, text: "Yes."}, timed=False),
    ]
    logs = [
        record(11, "", {"invoice": "i-1", "amount": 12.5}, "invoice written"),
        record(12, "", {"blob": b"\x00\xff"}, {"step": "paid", "items": [1, 2]}),
    ]
    for service, records in (("other-bot", events), ("billing", logs)):
        resource = {"attributes": pairs({"service.name": service, "service.instance.id": f"{service}-1"})}
        body = {
            "resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]
        }
        request = urllib.request.Request(
            f"{endpoint}/v1/logs", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 200
    return {"events": len(events) - 1}  # but for the dead letter


ROLES = {role.__name__: role for role in (bot, hashed, killed, reporter, waiting, late, other, premium)}

if __name__ == "__main__":
    print(json.dumps(ROLES[sys.argv[1]](sys.argv[2], sys.argv[3])))
