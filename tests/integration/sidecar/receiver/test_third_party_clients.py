"""Senders and forwarders that are none of ours: what they were given is what ClickHouse holds, field by field, once each."""

import asyncio
import hashlib
import io
import itertools
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber
from PIL import Image

from chattrail import Chat, Person, create_tracker
from chattrail.events import AiMessage, ImageGenerated, PremiumAction, UserMessage
from chattrail.record import Record
from sidecar.errors import RetryableError
from sidecar.pipeline.pipeline import Stage
from tests.support.clients import node
from tests.support.clients.chain import Arrived, Chain, record_of, running_chain
from tests.support.clients.rotel import Rotel
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import plain
from tests.support.paths import ROOT
from tests.support.receivers import Recorder, receiving, until

# What stands between a sender and the sidecar, and how it is spoken to. The sidecar itself takes HTTP only; what rotel says to the
# collector does not depend on how it is configured.
JAVASCRIPT = [
    ("sidecar", "http/json"),
    ("sidecar", "http/protobuf"),
    ("collector", "http/json"),
    ("collector", "http/protobuf"),
    ("collector", "grpc"),
    ("rotel", "http/json"),
    ("rotel", "http/protobuf"),
    ("rotel", "grpc"),
    ("rotel and collector", "http/protobuf"),
]
TRACKER = [("rotel", "http/protobuf"), ("rotel", "grpc"), ("rotel and collector", "grpc")]
TEXT = 'Привет 👋🏽 \u202eevil \0 "quoted"\n𝔘𝔫𝔦𝔠𝔬𝔡𝔢'


@pytest.fixture(scope="module")
def chain(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with running_chain(tmp_path_factory.mktemp("chain"), clickhouse) as running:
        yield running


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the JavaScript programs are run."""
    return tmp_path_factory.mktemp("javascript")


def assert_unchanged(sent: Iterable[ScopeLogs], arrived: Arrived, began: int) -> None:
    """Each record is there once, in its table, equal in every field; only the time of observation is the SDK's own."""
    assert all(record_of(row).event_name.startswith("chattrail.") for row in arrived.events)
    assert not any(record_of(row).event_name.startswith("chattrail.") for row in arrived.logs)
    assert len({str(row.resource) for row in arrived.rows}) == 1, "one process"
    found = []
    for row in arrived.rows:
        record = record_of(row)
        assert began <= record.observed_time_unix_nano <= time.time_ns()
        record.observed_time_unix_nano = 0
        found.extend(row.scope_logs)
    assert _bag(found) == _bag(sent)


def _bag(scopes: Iterable[ScopeLogs]) -> Counter[str]:
    """Records with their scopes as texts, so that a failure shows what differs."""
    return Counter(map(str, scopes))


@pytest.mark.parametrize(("route", "protocol"), JAVASCRIPT)
def test_the_javascript_sdk_delivers(chain: Chain, workshop: Path, route: str, protocol: str) -> None:
    door = chain.door(route)
    service = f"javascript-{uuid.uuid4().hex}"
    began = time.time_ns()
    sent = node.send(workshop, service, protocol, door.endpoint(protocol), door.token)
    arrived = chain.arrived(service, len(sent))
    assert len(arrived.logs) == 5 * node.PEOPLE
    assert_unchanged(sent, arrived, began)
    figures = "sum(amount), sum(input_tokens), sum(duration_ms), uniqExact(user_id), uniqExact(event_id)"
    expected = (250 * node.PEOPLE, 812 * node.PEOPLE, 1240.5 * node.PEOPLE, node.PEOPLE, len(arrived.events))
    assert chain.rows(f"SELECT {figures} FROM events WHERE service_name = {{name:String}}", name=service) == [expected]


@pytest.mark.parametrize(("route", "protocol"), TRACKER)
def test_the_tracker_delivers_through_rotel(chain: Chain, route: str, protocol: str) -> None:
    door = chain.door(route)
    service = f"tracker-{uuid.uuid4().hex}"
    sent: list[Record] = []

    def noted(record: Record) -> Record:
        sent.append(record)
        return record

    image = _image()
    began = time.time_ns()
    tracker = create_tracker(service, endpoint=door.endpoint(protocol), protocol=protocol, before_send=noted)
    for number in range(1, 101):
        person, chat = Person(number, "ann", "Ann 👋🏽", "en", number % 2 == 0), Chat(number)
        tracker.track(UserMessage(text=TEXT, length=len(TEXT)), user=person, chat=chat, update_id=2**40 + number)
        tracker.track(AiMessage(text="", duration_ms=1240.5, input_tokens=0), user=person, chat=chat)
        tracker.track(PremiumAction(action="paid", amount=250.0, currency="XTR"), user=person, chat=chat)
    tracker.track(ImageGenerated(image_id="p", data=image, content_type="image/png"), user=person, chat=chat)
    tracker.shutdown(20)
    assert tracker.dropped == 0
    assert tracker.emitted == len(sent) == 301
    assert_unchanged(itertools.starmap(_as_sent, enumerate(sent, 1)), chain.arrived(service, len(sent)), began)
    assert chain.image(sent[-1].attributes["event.id"]) == (
        "stored",
        len(image),
        hashlib.sha256(image).hexdigest(),
    )


async def test_the_javascript_sdk_tries_again_when_the_sidecar_says_so(workshop: Path) -> None:
    recorder = Recorder()
    recorder.raises = RetryableError("the database is away", after=1)
    async with receiving(Stage("recorder", recorder, True)) as sidecar:
        sending = asyncio.create_task(asyncio.to_thread(node.send, workshop, "again", "http/json", sidecar.url, ""))
        await until(lambda: recorder.entered >= 1 or sending.done())
        assert not sending.done()
        recorder.raises = None
        sent = await sending
        assert recorder.entered == 2
        assert [batch.record_count for batch in recorder.batches] == [len(sent)]


async def test_rotel_waits_while_the_sidecar_says_try_again(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.raises = RetryableError("the database is away", after=1)
    async with receiving(Stage("recorder", recorder, True)) as sidecar:
        quickly = ("--otlp-exporter-retry-initial-backoff", "50ms", "--otlp-exporter-retry-max-backoff", "100ms")
        with Rotel(tmp_path / "rotel.log", sidecar.url, "http", "", *quickly) as rotel:
            tracker = create_tracker("waiting", endpoint=rotel.http)
            for number in range(1, 51):
                tracker.track(UserMessage(text=str(number)), user=Person(number))
            assert await asyncio.to_thread(tracker.flush)
            await until(lambda: recorder.entered >= 2)
            assert not recorder.batches
            recorder.raises = None
            await until(lambda: len(_texts(recorder)) >= 50)
            await asyncio.to_thread(rotel.stop)
            tracker.shutdown()
        assert sorted(map(int, _texts(recorder))) == list(range(1, 51))


def _texts(recorder: Recorder) -> list[str]:
    events = [event for batch in recorder.batches for event in batch.events(frozenset({"user_message"}))]
    return [str(event.attributes["chattrail.message.text"]) for event in events]


def test_rotel_stays_on_this_machine(chain: Chain) -> None:
    for route in chain.forwarders:
        chain.door(route)
    assert [rotel.peers() for rotel in chain.rotels] == [{"127.0.0.1"}] * 2


def test_the_document_shows_what_is_tested(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "senders.md").read_text(encoding="utf-8")
    assert (node.SOURCES / "chattrail.mjs").read_text(encoding="utf-8") in text
    (recipe,) = re.findall(r"^(rotel-agent .*?)```", text, re.DOTALL | re.MULTILINE)
    used = Rotel(tmp_path / "rotel.log", "http://127.0.0.1:4319", "http").command
    assert re.findall(r"--[a-z-]+", recipe) == [word for word in used if word.startswith("--")]


def test_the_lockfile_has_hashes_and_no_addresses() -> None:
    text = (node.SOURCES / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "://" not in text
    assert all("integrity" in package for name, package in json.loads(text)["packages"].items() if name)


def _as_sent(number: int, record: Record) -> ScopeLogs:
    """What the tracker makes of its n-th record; the bytes of an image go to the archive, not into the row."""
    kept = {key: value for key, value in record.attributes.items() if key != "chattrail.image.data"}
    kept["event.sequence"] = number  # it is given after before_send
    log_record = LogRecord(
        time_unix_nano=record.timestamp,
        event_name=record.event_name,
        severity_number=SeverityNumber.ValueType(record.severity),
        severity_text="INFO",
        body=plain(record.body),
        attributes=[KeyValue(key=key, value=plain(value)) for key, value in kept.items()],
    )
    return ScopeLogs(scope=InstrumentationScope(name="chattrail"), log_records=[log_record])


def _image() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return file.getvalue()
