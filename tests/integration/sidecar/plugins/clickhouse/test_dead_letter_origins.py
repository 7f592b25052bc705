"""A large resource of dead letters is kept once, and they can be sent again as they were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import RetryableError
from sidecar.otlp import pieces
from sidecar.otlp.wire import Origin, encode
from sidecar.plugins.clickhouse import dead_letters as module
from sidecar.plugins.clickhouse import replay as replaying
from sidecar.plugins.clickhouse.dead_letters import UNNAMED_KEPT_S, dead_letter_groups
from sidecar.plugins.clickhouse.insert_dead_letters import INLINE_BYTES
from sidecar.plugins.clickhouse.replay import Outcome, replay
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event
from tests.support.sinks import SinkUnderTest, sink_on
from tests.support.wire import MARK, SPOILED

TEXT = "chattrail.message.text"


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, "columns", tmp_path) as under_test,
    ):
        yield under_test


def named(size: int, *, bad: bool = False) -> Origin:
    """A resource with a name, an instance and a long text, which may be no UTF-8."""
    texts = {b"service.name": b"big", b"service.instance.id": b"i-9", b"note": (SPOILED if bad else b"") + b"x" * size}
    pairs = (encode(1, encode(1, key) + encode(2, encode(1, value))) for key, value in texts.items())
    return Origin(encode(1, b"".join(pairs)))


def spoiled(number: int) -> bytes:
    """A record with a text that is no UTF-8."""
    log = event("user_message", attributes={TEXT: MARK, "event.sequence": number})
    return encode(2, log.SerializeToString().replace(MARK.encode(), SPOILED))


def test_a_bad_text_in_a_resource_is_stored_as_what_can_be_read(sink: SinkUnderTest) -> None:
    records = b"".join(encode(2, event("command").SerializeToString()) for _ in range(50))
    for _ in range(2):
        sink.handle(named(20_000, bad=True).request(records))
    assert sink.one("SELECT count() FROM events FINAL") == 50
    assert sink.one("SELECT count() FROM dead_letters") == 0
    (note,) = {row[0] for row in sink.rows("SELECT resource_attributes['note'] FROM events")}
    assert note == SPOILED.decode(errors="replace") + "x" * 20_000


def test_records_at_fault_under_a_large_resource_name_it(sink: SinkUnderTest) -> None:
    origin, letters = named(50_000), 400
    body = origin.request(b"".join(spoiled(number + 1) for number in range(letters)))
    for _ in range(2):
        sink.handle(body)
    assert sink.rows("SELECT count(), uniqExact(origin), max(length(raw)) < 1000 FROM dead_letters FINAL") == [
        (letters, 1, True)
    ]
    assert sink.rows("SELECT digest = {d:String}, hex(raw) FROM dead_letter_origins FINAL", d=origin.digest) == [
        (True, origin.request(b"").hex().upper())
    ]
    assert sink.rows(
        "SELECT service_name, instance_id, min(sequence), max(sequence) FROM dead_letters FINAL GROUP BY ALL"
    ) == [("big", "i-9", 1, letters)]


def test_a_small_resource_stays_with_its_record(sink: SinkUnderTest) -> None:
    body = named(INLINE_BYTES // 2).request(spoiled(1))
    sink.handle(body)
    assert sink.rows("SELECT origin, hex(raw) FROM dead_letters FINAL") == [("", body.hex().upper())]
    assert sink.one("SELECT count() FROM dead_letter_origins") == 0


def test_replay_puts_records_back_into_their_resource(sink: SinkUnderTest) -> None:
    """Refused by a constraint, of two resources, and of one that stays."""
    sink.client.command(f"ALTER TABLE events ADD CONSTRAINT no_spam CHECK attributes['{TEXT}'] != 'spam'")
    bodies = [
        origin.request(
            b"".join(encode(2, event("user_message", attributes={TEXT: "spam"}).SerializeToString()) for _ in range(3))
        )
        for origin in (named(5_000), named(6_000))
    ]
    for body in bodies:
        sink.handle(body)
    sink.handle(named(5_000).request(spoiled(1)))
    assert sink.one("SELECT count() FROM dead_letters FINAL WHERE origin != ''") == 7
    sink.client.command("ALTER TABLE events DROP CONSTRAINT no_spam")
    outcome = sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
    assert outcome == Outcome(6, {"the record can't be read: String field had bad UTF-8": 1})
    notes = sink.rows(
        "SELECT length(resource_attributes['note']) AS n, count() FROM events FINAL GROUP BY n ORDER BY n"
    )
    assert notes == [(5_000, 3), (6_000, 3)]


def test_the_same_record_under_two_resources_is_two_letters(sink: SinkUnderTest) -> None:
    record = spoiled(1)
    for size in (5_000, 6_000, 6_000):  # that of the second resource came twice, in other company
        sink.handle(named(size).request(record + encode(2, event("command").SerializeToString())))
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 3
    assert [pile.letters for pile in dead_letter_groups(sink.url)] == [2]


def test_a_page_of_replay_is_bounded_with_its_resources(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small records under large resources of their own; some have one in common, which is loaded once."""
    monkeypatch.setattr(module, "PAGE_BYTES", 250_000)
    held, load = [], module.origins_of

    async def watched(*given: Any) -> dict[str, Origin]:
        found = await load(*given)
        held.append(sum(origin.size for origin in found.values()))
        return found

    monkeypatch.setattr(replaying, "origins_of", watched)
    sizes = range(100_000, 100_010)
    sink.handle(b"".join(named(size).request(spoiled(size)) for size in sizes))
    sink.handle(named(100_000).request(b"".join(spoiled(number) for number in range(20))))
    outcome = sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
    assert sum(outcome.staying.values()) == 30
    assert max(held) < 250_000
    assert sum(held) < 13 * 100_100, "a resource in common is no reason for a page of its own"


def test_resources_that_no_letter_names_are_deleted_by_a_later_replay(sink: SinkUnderTest) -> None:
    """Not at once: a batch that is being stored has its resources there before its letters."""
    sink.client.command(f"ALTER TABLE events ADD CONSTRAINT no_spam CHECK attributes['{TEXT}'] != 'spam'")
    spam = [encode(2, event("user_message", attributes={TEXT: "spam"}).SerializeToString()) for _ in range(3)]
    for size, record in zip((5_000, 6_000, 7_000), spam, strict=True):
        sink.handle(named(size).request(record))
    sink.handle(named(5_000).request(spoiled(1)))
    sink.client.command("ALTER TABLE events DROP CONSTRAINT no_spam")
    assert sink.run(replay(sink.url, sink.sink)).stored == 3  # type: ignore[arg-type]
    assert sink.one("SELECT count() FROM dead_letter_origins FINAL") == 3, "they may be those of a batch on its way"
    age = f"INSERT INTO dead_letter_origins SELECT digest, now64(3) - {UNNAMED_KEPT_S + 60}, raw FROM old"
    sink.client.command("RENAME TABLE dead_letter_origins TO old")
    sink.client.command("CREATE TABLE dead_letter_origins AS old")
    sink.client.command(age)
    sink.handle(named(7_000).request(spoiled(2)))  # names one of them again
    sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
    kept = sink.rows("SELECT digest FROM dead_letter_origins FINAL ORDER BY digest")
    assert kept == sorted((named(size).digest,) for size in (5_000, 7_000))


def test_a_batch_that_is_sent_again_brings_its_resource_back(sink: SinkUnderTest) -> None:
    """Its letters could not be stored the first time, and a replay found a resource that no letter names."""
    body = named(5_000).request(spoiled(1))
    sink.client.command("RENAME TABLE dead_letters TO away")
    with pytest.raises(RetryableError):
        sink.handle(body)
    assert sink.one("SELECT count() FROM dead_letter_origins FINAL") == 1
    sink.client.command("DELETE FROM dead_letter_origins WHERE 1")
    sink.client.command("RENAME TABLE away TO dead_letters")
    sink.handle(body)
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 1
    assert sink.one("SELECT count() FROM dead_letter_origins FINAL") == 1


def test_a_record_of_too_many_values_is_a_dead_letter(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_VALUES", 1_000)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 20)
    log = event("command", attributes={"event.sequence": 7}).SerializeToString()
    body = named(10).request(encode(2, log + encode(6, b"") * 40_000) + encode(2, event("command").SerializeToString()))
    sink.handle_all(body)
    assert sink.one("SELECT count() FROM events FINAL") == 1
    assert sink.rows("SELECT reason, service_name, sequence FROM dead_letters FINAL") == [
        (pieces.TOO_MANY_VALUES, "big", 7)
    ]
    again = sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
    assert again == Outcome(0, {pieces.TOO_MANY_VALUES: 1})
