"""Dead letters after the fault is mended: listed by reason, sent again once, and left alone when they still fail."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse import dead_letters as module
from sidecar.plugins.clickhouse import replay as replaying
from sidecar.plugins.clickhouse import sink as sinking
from sidecar.plugins.clickhouse import split
from sidecar.plugins.clickhouse.dead_letters import dead_letter_groups
from sidecar.plugins.clickhouse.replay import Outcome, replay
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.receivers import SidecarProcess
from tests.support.sinks import SinkUnderTest, sink_on

TABLES = ("events", "logs", "dead_letters", "activity", "stale_activity")
NO_SPAM = "ALTER TABLE {} ADD CONSTRAINT no_spam CHECK attributes['chattrail.message.text'] != 'spam'"


@pytest.fixture
def sink(module_sink: SinkUnderTest) -> Iterator[SinkUnderTest]:
    for table in TABLES:  # quicker than a database for each test
        module_sink.client.command(f"TRUNCATE TABLE {table}")
    yield module_sink
    for table in ("events", "logs"):
        module_sink.client.command(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS no_spam")


def break_release(broken: pytest.MonkeyPatch, fault: Callable[[LogRecord], str | None]) -> None:
    """Have the sink look at every record, and find this fault."""

    def no_blocks(*_: object) -> None:
        raise OddRequestError

    broken.setattr(sinking, "blocks_of", no_blocks)
    broken.setattr(split, "_event_fault", fault)


def _named_fault(name: str, _: LogRecord) -> str:
    return f"fault {name}"


class Other:
    """A plugin beside the sink."""

    events = frozenset({"user_message"})

    def __init__(self) -> None:
        self.given: list[str] = []

    async def start(self) -> None: ...

    async def handle(self, batch: Batch) -> None:
        self.given += [str(one.attributes["chattrail.message.text"]) for one in batch.events(self.events)]

    async def shutdown(self) -> None: ...


def say(text: str) -> LogRecord:
    return event("user_message", attributes={"chattrail.message.text": text})


def nameless(text: str) -> LogRecord:
    record = say(text)
    record.event_name = ""
    return record


def again(sink: SinkUnderTest, *others: Other, **given: Any) -> Outcome:
    assert sink.url
    outcome = sink.run(replay(sink.url, sink.sink, others, **given))  # type: ignore[arg-type]
    assert isinstance(outcome, Outcome)
    return outcome


def texts(sink: SinkUnderTest, table: str = "events FINAL") -> list[str]:
    return [row[0] for row in sink.rows(f"SELECT attributes['chattrail.message.text'] AS t FROM {table} ORDER BY t")]


def test_a_fixed_release_stores_what_a_broken_one_set_apart(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_strict(record: LogRecord) -> str | None:
        return "texts are not known yet" if b"new" in record.SerializeToString() else None

    bad = event("user_message", event_id="x", attributes={"chattrail.message.text": "bad"})
    with monkeypatch.context() as broken:
        break_release(broken, too_strict)
        sink.handle(request(say("new 1"), say("fine"), say("new 2")))
    sink.handle(request(bad))
    assert [(pile.reason, pile.event_name, pile.letters) for pile in dead_letter_groups(sink.url)] == [
        ("texts are not known yet", "chattrail.user_message", 2),
        ("event.id is not a UUID", "chattrail.user_message", 1),
    ]
    other = Other()
    assert again(sink, other) == Outcome(2, {"event.id is not a UUID": 1})
    assert texts(sink) == ["fine", "new 1", "new 2"]
    assert sorted(other.given) == ["new 1", "new 2"], "plugins that missed them get them now"
    left = sink.rows("SELECT * FROM dead_letters FINAL")
    assert again(sink, other) == Outcome(0, {"event.id is not a UUID": 1})
    assert texts(sink, "events") == ["fine", "new 1", "new 2"]  # without FINAL: nothing was even sent twice
    assert sink.rows("SELECT * FROM dead_letters FINAL") == left, "what still fails stays as it was"
    assert len(other.given) == 2
    sink.settle()
    assert sink.one("SELECT sum(messages) FROM activity FINAL") == 3


def test_what_the_server_refused_is_stored_when_it_no_longer_does(sink: SinkUnderTest) -> None:
    for table in ("events", "logs"):
        sink.client.command(NO_SPAM.format(table))
    sink.handle(request(say("ham"), say("spam"), nameless("spam")))
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 2
    assert sum(again(sink).staying.values()) == 2
    for table in ("events", "logs"):
        sink.client.command(f"ALTER TABLE {table} DROP CONSTRAINT no_spam")
    assert again(sink) == Outcome(2, {})
    assert again(sink) == Outcome(0, {})
    assert (texts(sink), texts(sink, "logs")) == (["ham", "spam"], ["spam"])
    assert dead_letter_groups(sink.url) == []


def test_a_letter_keeps_its_place_among_others_of_its_batch(sink: SinkUnderTest) -> None:
    sink.client.command(NO_SPAM.format("events"))
    bad = event("user_message", event_id="x")
    sink.handle(request(bad, say("spam"), say("ham"), bad, say("spam")))
    assert [row[0] for row in sink.rows("SELECT position FROM dead_letters FINAL ORDER BY position")] == [0, 1, 3, 4]


def test_a_letter_that_came_in_two_batches_is_one(sink: SinkUnderTest) -> None:
    bad = event("user_message", event_id="x", attributes={"chattrail.message.text": "bad"})
    sink.handle(request(say("1"), bad))
    sink.handle(request(bad, say("2")))
    assert [pile.letters for pile in dead_letter_groups(sink.url)] == [1]


@pytest.mark.parametrize(("records", "size"), [(2, 1 << 20), (100, 400)])
def test_page_by_page_each_letter_once(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch, records: int, size: int
) -> None:
    monkeypatch.setattr(module, "PAGE_RECORDS", records)
    monkeypatch.setattr(module, "PAGE_BYTES", size)
    monkeypatch.setattr(module, "DELETE_AT_ONCE", 2)
    with monkeypatch.context() as broken:
        break_release(broken, lambda record: "broken")
        for batch in range(3):
            sink.handle(request(*(say(f"{batch}-{n}") for n in range(4)), event("user_message", event_id=f"x{batch}")))
    assert again(sink) == Outcome(12, {"event.id is not a UUID": 3})
    assert texts(sink) == [f"{batch}-{n}" for batch in range(3) for n in range(4)]


def test_one_reason_alone(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        with monkeypatch.context() as broken:
            break_release(broken, partial(_named_fault, name))
            sink.handle(request(say(name)))
    assert again(sink, reason="fault two") == Outcome(1, {})
    assert texts(sink) == ["two"]
    assert [pile.reason for pile in dead_letter_groups(sink.url)] == ["fault one"]


def test_dying_between_storing_and_deleting_doubles_nothing(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("events", "logs"):
        sink.client.command(NO_SPAM.format(table))
    sink.handle(request(say("spam"), nameless("spam"), nameless("spam"), say("ham")))
    for table in ("events", "logs"):
        sink.client.command(f"ALTER TABLE {table} DROP CONSTRAINT no_spam")

    async def dies(*_: object) -> None:
        raise ConnectionResetError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(replaying, "delete", dies)
        with pytest.raises(RetryableError, match="can't be read or deleted"):
            again(sink)
    sink.handle(request(say("later")))
    assert again(sink) == Outcome(3, {})
    assert (texts(sink), texts(sink, "logs")) == (["ham", "later", "spam"], ["spam", "spam"])


def test_the_commands(clickhouse: EmbeddedClickHouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "columns", tmp_path) as sink:
        the_commands(sink, monkeypatch, tmp_path)


def the_commands(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def command(*arguments: str, plugins: str = "clickhouse,images") -> tuple[int, str]:
        settings = {"CLICKHOUSE_URL": sink.url, "DATA": str(tmp_path), "PLUGINS": plugins}
        with SidecarProcess(arguments, IMAGES_DIRECTORY=str(tmp_path / "images"), **settings) as process:
            return process.wait(), process.text

    with monkeypatch.context() as broken:
        break_release(broken, lambda record: "broken")
        image = event("image_generated", attributes={"chattrail.image.data": b"\x89PNG"})
        sink.handle(request(say("one secret"), event("\x1b[31mred", event_id="x"), image))
    code, said = command("dead-letters")
    assert code == 0
    assert "1  broken  (chattrail.user_message, 20" in said
    assert "1  broken  (chattrail.\\x1b[31mred, 20" in said
    assert "3 dead letters\n" in said
    code, said = command("replay")
    assert code == 1, "some are left"
    assert "2 dead letters are stored now" in said
    assert "1 still can't be stored and stay: event.id is not a UUID" in said
    assert "secret" not in said
    assert texts(sink) == ["", "one secret"]
    assert sink.one("SELECT count() FROM images FINAL") == 1, "the archive gets the image, too"
    code, said = command("replay", "--reason", "nothing has it")
    assert (code, "0 dead letters are stored now" in said) == (0, True)
    code, said = command("replay", plugins="debug")
    assert (code, "has to name clickhouse" in said) == (1, True)
