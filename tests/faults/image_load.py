"""What is sent in the rows on images: events of all kinds, images among them, and how each image must end."""

import hashlib
import io
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from PIL import Image

from tests.faults.load import FIRST, IMAGE, SPAN, Load, Row, id_of, parcels_of
from tests.support.web_chats import Sent, one_event

IMAGES = 0.3  # of the events
DISTINCT = 2 / 3  # of the images, from the first event to the last: the others are one of these again
POOL = 0.25  # different images an event: more than a load draws
STORED = "stored"


@dataclass(frozen=True, slots=True)
class Bad:
    """An image that must end `failed` with a reason that holds `reason`: its attributes after chattrail.image."""

    source: dict[str, Any] = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class ImageLoad(Load):
    """`endings`: by event, STORED or a part of the reason it must fail for. `contents`: SHA-256 of those to be stored."""

    endings: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)

    def images(self) -> set[str]:
        return set(self.endings)


def make_image_load(
    seed: int, events: int, parcel_size: int, good: Sequence[tuple[dict[str, Any], bytes]], bad: Sequence[Bad] = ()
) -> ImageLoad:
    """Make the events of a run. `good` are sources with what they lead to, drawn one after another and again; one image in
    four is a bad one when there are any."""
    chance = random.Random(seed)
    fresh, drawn = chance.sample(good, len(good)), 0
    expected: dict[str, Row] = {}
    records: list[LogRecord] = []
    endings: dict[str, str] = {}
    contents: dict[str, str] = {}
    for sequence in range(1, events + 1):
        moment = FIRST + SPAN * chance.random()
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        sent = one_event(chance, moment)
        given: dict[str, Any] = {}
        one: Bad | bytes | None = None
        if sent.type == "image_generated" or chance.random() < IMAGES:
            if bad and chance.random() < 0.25:
                one = chance.choice(bad)
                given = one.source
            else:
                new = not drawn or (drawn < len(fresh) and chance.random() < DISTINCT)
                given, one = fresh[drawn] if new else chance.choice(fresh[:drawn])
                drawn += new
            sent = Sent("image_generated", sent.user, moment, {})
        attributes = {f"chattrail.image.{name}": value for name, value in given.items()}
        sent = replace(sent, extra={**sent.extra, **attributes, "event.sequence": sequence})
        record = sent.record()
        records.append(record)
        id_ = str(uuid.UUID(id_of(record)))
        expected[id_] = Row(sent.type, sent.user, record.time_unix_nano, "event", {"user.id": sent.user, **sent.extra})
        if isinstance(one, Bad):
            endings[id_] = one.reason
        elif one is not None:
            endings[id_], contents[id_] = STORED, hashlib.sha256(one).hexdigest()
    return ImageLoad(parcels_of(records, parcel_size), expected, records, endings, contents)


def pool(seed: int, events: int) -> list[bytes]:
    """As many images as a load of so many events should draw from, each like no other."""
    chance = random.Random(seed)
    return [noise(chance) for _ in range(max(1, int(events * POOL)))]


def as_bytes(images: Sequence[bytes]) -> list[tuple[dict[str, Any], bytes]]:
    """Sources that bring the images inside the events."""
    return [({IMAGE.rpartition(".")[2]: content}, content) for content in images]


def noise(chance: random.Random, kind: str = "PNG") -> bytes:
    """An image of some kilobytes."""
    content = io.BytesIO()
    Image.frombytes("RGB", (32, 32), chance.randbytes(32 * 32 * 3)).save(content, kind)
    return content.getvalue()
