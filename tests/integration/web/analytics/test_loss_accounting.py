"""Loss accounting on the real engine: emitted = stored + dropped, with the reason, and doubles change nothing."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.export.sequence_file import PROCESS_ENDED
from sidecar.plugins.clickhouse.migrate import migrations
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, plain, request
from tests.support.sinks import SinkUnderTest
from tests.support.web_support import make_app, sign_in
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.loss_accounting import loss_accounting
from web.analytics.loss_accounting import Gap, LossAccounting, Reasons
from web.analytics.ranges import Window
from web.settings import WebSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def sink(module_sink: SinkUnderTest) -> SinkUnderTest:
    return module_sink


@pytest.fixture
def books(sink: SinkUnderTest, clickhouse: EmbeddedClickHouse) -> "Books":
    for table in ("events", "sequences", "dead_letters"):  # quicker than a database for each test
        sink.client.command(f"TRUNCATE TABLE {table}")
    return Books(sink, clickhouse.dsn(sink.url.rsplit("/", 1)[1], readonly=True))


class Books:
    """Sends numbered events, and reads the account as the web part's read-only user does."""

    def __init__(self, sink: SinkUnderTest, url: str) -> None:
        self.sink = sink
        secret = "not-a-secret-but-long-enough-for-one"
        self._clickhouse = ClickHouse(
            WebSettings.load({"CHATTRAIL_WEB_CLICKHOUSE_URL": url, "CHATTRAIL_WEB_SECRET_KEY": secret})
        )

    def send(self, *numbers: int, instance: str = "i-1", at: datetime = NOON, **extra: int) -> bytes:
        given: dict[str, object] = {f"chattrail.dropped.{name}": value for name, value in extra.items()}
        moment = int(at.timestamp()) * 10**9
        body = request(
            *(event("user_message", "7", {"event.sequence": n, **given}, at=moment + n) for n in numbers),
            instance=instance,
        )
        self.sink.handle(body)
        return body

    def add_dead_letter(self, number: int, instance: str = "i-1") -> bytes:
        broken = event("user_message", "7", {"event.sequence": number}, event_id="no id")
        body = request(broken, instance=instance)
        self.sink.handle(body)
        return body

    def end(
        self, reached: int, instance: str = "i-1", at: datetime = NOON, cut_off: bool = True, **extra: int
    ) -> bytes:
        given: dict[str, object] = {f"chattrail.dropped.{name}": value for name, value in extra.items()}
        about = {"service_name": "test-bot", "instance_id": instance, "reached": reached, "cut_off": cut_off}
        given |= {f"chattrail.process.{name}": value for name, value in about.items()}
        record = LogRecord(
            time_unix_nano=int(at.timestamp()) * 10**9,
            event_name=PROCESS_ENDED,
            attributes=[KeyValue(key=key, value=plain(value)) for key, value in given.items()],
        )
        body = request(record, instance="who reports it")
        self.sink.handle(body)
        return body

    def read(
        self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), end: datetime = datetime(2100, 1, 1, tzinfo=UTC)
    ) -> LossAccounting:
        return loss_accounting(self._clickhouse, Window(start, end, None, ZoneInfo("UTC")))


def summary(found: LossAccounting) -> tuple[int, int, int]:
    return found.emitted, found.stored, found.dropped


def test_nothing_yet(books: Books) -> None:
    assert books.read() == LossAccounting(0, 0, 0, Reasons(), 0, (), ())


def test_all_that_was_numbered_is_there(books: Books) -> None:
    books.send(*range(1, 400))
    found = books.read()
    assert summary(found) == (399, 399, 0)
    assert found.gaps == ()
    (instance,) = found.instances
    assert (instance.service_name, instance.instance_id, instance.first_at, instance.last_at) == (
        "test-bot", "i-1", NOON, NOON,
    )  # fmt: skip


def test_gaps_are_found_and_doubles_change_nothing(books: Books) -> None:
    bodies = [books.send(3, 4, 5), books.send(9, 8, 14)]
    found = books.read()
    assert summary(found) == (14, 6, 8)
    assert found.reasons == Reasons(unknown=8)
    assert found.gaps == tuple(Gap("i-1", a, b, "unknown") for a, b in ((10, 13), (6, 7), (1, 2)))
    for body in bodies:
        books.sink.handle(body)
    books.send(5, 9)  # the numbers again in another body, and with other ids
    books.sink.client.command("OPTIMIZE TABLE sequences FINAL")
    assert books.read() == found
    books.send(10, 11, 12, 13)  # what was late closes its gap
    assert [(gap.start, gap.end) for gap in books.read().gaps] == [(6, 7), (1, 2)]


def test_gaps_over_the_edges_of_blocks(books: Books) -> None:
    books.send(*range(1, 11), 65535, 65536, 65537, 3 * 65536 + 5)
    found = books.read()
    assert summary(found) == (3 * 65536 + 5, 14, 3 * 65536 + 5 - 14)
    assert [(gap.start, gap.end) for gap in found.gaps] == [(65538, 3 * 65536 + 4), (11, 65534)]


def test_only_the_newest_gaps_are_listed_and_all_are_counted(books: Books) -> None:
    books.send(*range(2, 202, 2))
    found = books.read()
    assert summary(found) == (200, 100, 100)
    assert [gap.start for gap in found.gaps] == list(range(199, 159, -2))


def test_dead_letters_explain_their_numbers(books: Books) -> None:
    books.send(1, 2, 4)
    for _ in range(2):
        books.add_dead_letter(3)
        books.add_dead_letter(7)
    found = books.read()
    assert summary(found) == (7, 3, 4)
    assert found.reasons == Reasons(dead_letters=2, unknown=2)
    assert found.gaps == (
        Gap("i-1", 7, 7, "dead_letters"),
        Gap("i-1", 5, 6, "unknown"),
        Gap("i-1", 3, 3, "dead_letters"),
    )
    books.send(3)  # stored after all: the letter explains nothing any more
    assert books.read().reasons == Reasons(dead_letters=1, unknown=2)


def test_what_the_tracker_reports_explains_the_rest(books: Books) -> None:
    books.send(1, 2, 9, 10)
    books.send(11, queue_full=4)
    books.send(12, queue_full=5, refused=1)
    found = books.read()
    assert summary(found) == (12, 6, 6)
    assert found.reasons == Reasons(queue_full=5, refused=1)
    assert [gap.reason for gap in found.gaps] == ["unknown"]  # two reasons share the gap
    books.send(3)
    assert books.read().reasons == Reasons(queue_full=5)  # one that was counted as refused had arrived
    assert [gap.reason for gap in books.read().gaps] == ["queue_full"]


def test_the_end_of_a_killed_process_is_a_gap_and_comes_twice_for_nothing(books: Books) -> None:
    books.send(1, 2, 4, at=NOON)
    books.end(9, at=NOON, queue_full=1)
    found = books.read()
    assert summary(found) == (9, 3, 6)
    assert found.reasons == Reasons(queue_full=1, process_ended=5)
    assert found.gaps == (Gap("i-1", 5, 9, "process_ended"), Gap("i-1", 3, 3, "queue_full"))
    assert [(each.instance_id, each.first_at, each.last_at) for each in found.instances] == [("i-1", NOON, NOON)]
    for _ in range(3):
        books.sink.handle(books.end(9, at=NOON, queue_full=1))
    books.end(9, at=NOON, queue_full=1, cut_off=False)
    books.sink.client.command("OPTIMIZE TABLE sequences FINAL")
    assert books.read() == found
    books.send(5, 6, 7, 8, 9)  # they had been on their way
    assert books.read().reasons == Reasons(queue_full=1)
    assert books.sink.one("SELECT count() FROM events WHERE event_name NOT LIKE 'chattrail.%'") == 0


def test_a_process_none_of_whose_events_came_is_known_by_its_end(books: Books) -> None:
    books.end(70000, instance="mute", at=NOON)
    books.end(3, instance="tidy", at=NOON + DAY, cut_off=False)
    books.end(0, instance="idle")
    books.end(2**62, instance="absurd")
    found = books.read()
    assert [(each.instance_id, each.emitted, each.stored, each.first_at) for each in found.instances] == [
        ("tidy", 3, 0, NOON + DAY),
        ("mute", 70000, 0, NOON),
    ]
    assert found.reasons == Reasons(process_ended=70000, unknown=3)
    assert found.gaps == (Gap("tidy", 1, 3, "unknown"), Gap("mute", 1, 70000, "process_ended"))
    assert summary(books.read(NOON + 2 * DAY)) == (0, 0, 0)


def test_processes_are_apart_and_the_range_chooses_among_them(books: Books) -> None:
    books.send(1, 3, instance="old", at=NOON)
    books.send(1, 2, instance="new", at=NOON + 3 * DAY)
    assert summary(books.read()) == (5, 4, 1)
    assert [each.instance_id for each in books.read().instances] == ["new", "old"]
    assert summary(books.read(NOON + DAY)) == (2, 2, 0)
    assert summary(books.read(end=NOON + DAY)) == (3, 2, 1)
    assert summary(books.read(NOON + DAY, NOON + 2 * DAY)) == (0, 0, 0)


def test_what_has_no_number_or_an_absurd_one_is_left_out(books: Books) -> None:
    books.sink.handle(request(event("user_message"), event("user_message", attributes={"event.sequence": 2**62})))
    books.sink.handle(request(event("user_message", attributes={"event.sequence": 5}), instance=""))
    assert books.read() == LossAccounting(0, 0, 0, Reasons(), 0, (), ())


def test_events_of_before_the_account_are_counted(sink: SinkUnderTest, books: Books) -> None:
    books.send(1, 2, 4)
    found = books.read()
    for statement in ("DROP VIEW fill_sequences", "DROP TABLE sequences"):
        sink.client.command(statement)
    for migration in migrations():
        for statement in migration.statements(sink.client.database or ""):
            if migration.version >= 6 and "sequences" in statement:
                sink.client.command(statement)
    assert books.read() == found
    assert replace(found, gaps=()) == LossAccounting(4, 3, 1, Reasons(unknown=1), 1, found.instances, ())


def test_the_page_says_it_in_both_languages(books: Books, clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    books.send(1, 2, 5, queue_full=1)
    books.add_dead_letter(4)
    books.end(8)
    books.sink.settle()
    url = clickhouse.dsn(books.sink.url.rsplit("/", 1)[1], readonly=True)
    client = make_app(tmp_path, url, FakeClock(NOON + DAY)).test_client()
    sign_in(client)

    def panel(language: str) -> list[str]:
        page = client.get(f"/analytics?range=7d&lang={language}").text
        text = re.sub(
            r"<[^>]+>", "\n", page[page.index('aria-labelledby="delivery-title"') :].partition("</section>")[0]
        )
        return [
            line.strip()
            for line in html.unescape(text).splitlines()[1:]
            if line.strip() and not line.strip().endswith(".")
        ]

    assert panel("en") == [
        "Delivery", "Emitted", "8", "= stored", "3", "+ dropped", "5",
        "of them: dead letters, could not be stored", "1", "of them: the bot's queue was full", "1",
        "of them: lost when the process was cut off", "3",
    ]  # fmt: skip
    gap = "Newest gap: 6–8 of process i-1, lost when the process was cut off."
    assert gap in client.get("/analytics?lang=en").text
    assert panel("ru")[1:7] == ["Отправлено", "8", "= сохранено", "3", "+ потеряно", "5"]
    assert "из них: пропали, когда процесс оборвался" in panel("ru")
    books.send(3, 4, 6, 7, 8)
    assert "Everything that was emitted is stored." in client.get("/analytics?lang=en").text
