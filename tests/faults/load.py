"""What is sent, from a seed: batches of events, and beside them what must be stored, worked out without asking our code."""

import io
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from PIL import Image

from tests.support.otlp import request, uuid7
from tests.support.web_chats import one_event

# around the end of summer time in most of Europe, so that every run crosses it
FIRST = datetime(2026, 10, 24, 12, tzinfo=UTC)
SPAN = timedelta(days=2)
IMAGE = "chattrail.image.data"
FIGURES = (
    "events",
    "messages",
    "answers",
    "answer_failures",
    "pictures",
    "commands",
    "payments",
    "stars",
    "input_tokens",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it must be stored."""

    type: str
    user: str
    ts_ns: int
    ts_source: str
    attributes: dict[str, Any]

    def figures(self) -> Counter[str]:
        """What it adds to its person's figures."""
        get = self.attributes.get
        failed, action = bool(get("error.type")), get("chattrail.premium.action", "")
        stars = get("chattrail.premium.amount", 0) if get("chattrail.premium.currency") == "XTR" else 0
        return Counter(
            {
                "events": 1,
                "messages": self.type == "user_message",
                "answers": self.type == "ai_message" and not failed,
                "answer_failures": self.type == "ai_message" and failed,
                "pictures": self.type == "image_generated" and not failed,
                "commands": self.type in ("command", "start_command"),
                "payments": action == "paid",
                "stars": stars * {"paid": 1, "refunded": -1}.get(action, 0),
                "input_tokens": get("gen_ai.usage.input_tokens", 0),
            }
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request: its body, the ids of the events in it that can be stored, and how many cannot."""

    body: bytes
    ids: tuple[str, ...]
    poison: int


@dataclass(frozen=True, slots=True)
class Load:
    """All requests of a run, and what must be there in the end."""

    parcels: list[Parcel]
    expected: dict[str, Row]
    records: list[LogRecord] = field(repr=False)

    @property
    def poison(self) -> int:
        return sum(parcel.poison for parcel in self.parcels)

    def figures(self) -> dict[str, dict[str, float]]:
        """Figures of each person."""
        people: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.expected.values():
            people[row.user].update(row.figures())
        return {user: {name: counts[name] for name in FIGURES} for user, counts in people.items()}

    def images(self) -> set[str]:
        """Ids of events that brought an image which must be archived."""
        return {
            id_
            for id_, row in self.expected.items()
            if IMAGE in row.attributes and not row.attributes.get("error.type")
        }


@dataclass(frozen=True, slots=True)
class Mix:
    """What is special about the events: share of records that cannot be stored, images inside, clocks that are off."""

    poison: float = 0.0
    images: bool = False
    clocks: bool = False


def make_load(seed: int, events: int, parcel_size: int, mix: Mix, *, first: int = 1) -> Load:
    """Make the events of a run, numbered from `first`; the same seed gives the same events but for their ids."""
    chance = random.Random(seed)
    expected: dict[str, Row] = {}
    records: list[LogRecord] = []
    spoiled: set[int] = set()
    for sequence in range(first, first + events):
        sent = one_event(chance, _whole_milliseconds(FIRST + SPAN * chance.random()))
        extra = {**sent.extra, "event.sequence": sequence}
        if mix.images and sent.type == "image_generated":
            extra[IMAGE] = image(chance)
        record = replace(sent, extra=extra).record()
        ts, source = _off_clock(chance, record) if mix.clocks else (record.time_unix_nano, "event")
        records.append(record)
        if chance.random() < mix.poison:
            spoiled.add(sequence - first)
            _spoil(chance, record)
        else:
            row = Row(sent.type, sent.user, ts, source, {"user.id": sent.user, **extra})
            expected[id_of(record)] = row
    parcels = []
    for begin in range(0, events, parcel_size):
        places = range(begin, min(begin + parcel_size, events))
        ids = tuple(id_of(records[at]) for at in places if at not in spoiled)
        body = request(*(records[at] for at in places))
        parcels.append(Parcel(body, ids, sum(at in spoiled for at in places)))
    return Load(parcels, expected, records)


def parcels_of(records: Sequence[LogRecord], size: int) -> list[Parcel]:
    """The same records in parcels of another size."""
    cuts = [records[begin : begin + size] for begin in range(0, len(records), size)]
    return [Parcel(request(*cut), tuple(map(id_of, cut)), 0) for cut in cuts]


def id_of(record: LogRecord) -> str:
    """The event.id of a record."""
    return next((pair.value.string_value for pair in record.attributes if pair.key == "event.id"), "")


def image(chance: random.Random) -> bytes:
    """A small image that is like no other."""
    content = io.BytesIO()
    Image.frombytes("RGB", (4, 4), chance.randbytes(48)).save(content, "PNG")
    return content.getvalue()


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _off_clock(chance: random.Random, record: LogRecord) -> tuple[int, str]:
    """Put a clock out of order; return the time the record must get by rule, and the flag that tells where it is from."""
    at = record.time_unix_nano
    month = 30 * 86400 * 10**9
    match chance.randrange(6):
        case 0 | 1:
            record.time_unix_nano = at + chance.choice([-month, month])
            return record.time_unix_nano, "event"
        case 2:
            record.time_unix_nano, record.observed_time_unix_nano = chance.randrange(10**15), at + 1
            return at + 1, "observed"
        case 3:  # a clock that began at 1970 on both: the id was made with the right time
            record.time_unix_nano, record.observed_time_unix_nano = chance.randrange(10**15), 0
            return at // 10**6 * 10**6, "id"
        case 4:
            record.time_unix_nano = chance.randrange(10**15)
            record.attributes[0].value.string_value = str(uuid.uuid4())
            return 0, "unknown"
        case _:
            return at, "event"


def _spoil(chance: random.Random, record: LogRecord) -> None:
    match chance.randrange(3):
        case 0:
            del record.attributes[0]
        case 1:
            record.attributes[0].value.string_value = f"not-{uuid7(0)}"
        case _:
            record.event_name = "chattrail."
