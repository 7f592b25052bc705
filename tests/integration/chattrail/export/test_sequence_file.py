"""What a killed process had not sent is reported by the next one; and no fault of its file is felt by the bot."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from aiogram.types import Message

from chattrail import Tracker, create_tracker
from chattrail.export.sequence_file import PROCESS_ENDED
from chattrail.record import Record
from tests.integration.chattrail.export.support import QUICK, accounted, say
from tests.support.fakes.otlp_receiver import OtlpReceiver, Received, until
from tests.unit.chattrail.aiogram.bench import Bench

BOT = """
import sys
from chattrail import create_tracker
from chattrail.events import UserMessage
tracker = create_tracker("bot", endpoint=sys.argv[2], state=sys.argv[1])
for number in range(1, 1001):
    tracker.track(UserMessage(text="x"))
    print(number, flush=True)
"""


def ends(receiver: OtlpReceiver) -> list[Received]:
    return [record for record in receiver.records if record.event_name == PROCESS_ENDED]


def reported(receiver: OtlpReceiver, *names: str) -> list[tuple[object, ...]]:
    return [tuple(record.attributes.get(f"chattrail.{name}") for name in names) for record in ends(receiver)]


def start(url: str, state: Path, **options: object) -> Tracker:
    return create_tracker("bot", endpoint=url, state=state, limits=QUICK, **options)  # type: ignore[arg-type]


@pytest.fixture
def nobody() -> str:
    return "http://127.0.0.1:9"


def test_a_kill_leaves_the_last_number_behind(http: OtlpReceiver, nobody: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", BOT, str(tmp_path), nobody], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 100:
            pass
        process.send_signal(signal.SIGKILL)
        printed = process.stdout.read().split()  # it went on until the kill struck
    last = int(printed[-1]) if printed else 100
    with start(http.url, tmp_path) as tracker:
        (end,) = http.wait(1)
        until(lambda: len(list(tmp_path.iterdir())) == 1, what="the file of the dead to be removed")
        assert tracker.counts().emitted == 0, "a report is no event"
    assert end.attributes["chattrail.process.reached"] in (last, last + 1)  # numbered, and not printed yet
    assert end.attributes["chattrail.process.cut_off"] is True
    assert end.attributes["chattrail.process.service_name"] == "bot"
    assert end.attributes["chattrail.process.instance_id"] != end.resource["service.instance.id"]
    assert list(tmp_path.iterdir()) == []
    with start(http.url, tmp_path):
        pass
    assert len(http.records) == 1, "reported once"


def test_an_end_in_good_order_is_told_after_the_last_event(http: OtlpReceiver, tmp_path: Path) -> None:
    with start(http.url, tmp_path) as tracker:
        say(tracker, 3)
    assert [record.type for record in http.records] == ["user_message"] * 3 + [PROCESS_ENDED]
    (end,) = ends(http)
    assert end.attributes["chattrail.process.instance_id"] == end.resource["service.instance.id"]
    assert reported(http, "process.reached", "process.cut_off") == [(3, False)]
    assert accounted(tracker)
    assert tracker.counts().exported == 3
    assert list(tmp_path.iterdir()) == []


def test_what_is_lost_at_the_end_is_reported_by_the_next(http: OtlpReceiver, nobody: str, tmp_path: Path) -> None:
    away = start(nobody, tmp_path)
    say(away, 5)
    away.shutdown(0.5)
    assert away.dropped == 5
    assert len(list(tmp_path.iterdir())) == 1
    with start(http.url, tmp_path) as tracker:
        say(tracker, 1)
        http.wait(2)
    assert reported(http, "process.reached", "process.cut_off") == [(5, True), (1, False)]


def test_drops_of_the_dead_are_told_with_its_end(http: OtlpReceiver, tmp_path: Path) -> None:
    def mistaken(record: Record) -> Record:
        raise LookupError

    http.fail(400)
    refused = start(http.url, tmp_path)
    say(refused, 2)
    until(lambda: refused.dropped == 2)
    http.fail(503, retry_after="0")
    refused.shutdown(0.3)
    failed = start(http.url, tmp_path, before_send=mistaken)
    say(failed, 3)
    failed.shutdown(0.3)
    http.recover()
    with start(http.url, tmp_path):
        http.wait(2)
    found = sorted(reported(http, "process.reached", "dropped.refused", "dropped.failed"), key=str)
    assert found == [(2, 2, None), (3, None, 3)]


def test_a_busy_collector_gets_the_report_later_and_events_do_not_wait_for_it(
    http: OtlpReceiver, nobody: str, tmp_path: Path
) -> None:
    dead = start(nobody, tmp_path)
    say(dead, 1)
    dead.shutdown(0.3)
    http.fail(503, retry_after="0", strikes=lambda request: b"chattrail_process" in request.SerializeToString())
    tracker = start(http.url, tmp_path)
    say(tracker, 2)
    http.wait(2)
    http.recover()
    http.wait(3)
    tracker.shutdown()
    assert reported(http, "process.reached") == [(1,), (2,)]


def test_a_report_that_is_refused_stays_for_the_next(http: OtlpReceiver, nobody: str, tmp_path: Path) -> None:
    dead = start(nobody, tmp_path)
    say(dead, 1)
    dead.shutdown(0.3)
    http.fail(400)
    with start(http.url, tmp_path):
        http.wait_requests(1)
    http.recover()
    with start(http.url, tmp_path):
        http.wait(1)
    assert reported(http, "process.reached") == [(1,)]


def test_the_living_are_left_alone_and_each_dead_one_is_reported_by_one(
    http: OtlpReceiver, nobody: str, tmp_path: Path
) -> None:
    living = start(nobody, tmp_path)
    say(living, 1)
    dead = start(nobody, tmp_path)
    say(dead, 2)
    dead.shutdown(0.3)
    claimant = start(nobody, tmp_path)
    with start(http.url, tmp_path):
        pass
    assert ends(http) == []
    claimant.shutdown(0.3)  # it could not deliver the report: the next one may
    with start(http.url, tmp_path):
        pass
    assert reported(http, "process.reached") == [(2,)]
    living.shutdown(0.3)
    with start(http.url, tmp_path):
        pass
    assert reported(http, "process.reached") == [(2,), (1,)]


def test_withheld_events_are_no_gap_at_the_end_either(http: OtlpReceiver, tmp_path: Path) -> None:
    with start(http.url, tmp_path, before_send=lambda record: None) as tracker:
        say(tracker, 3)
    assert tracker.withheld == 3
    assert ends(http) == []
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_has_a_file_of_its_own(http: OtlpReceiver, tmp_path: Path) -> None:
    parent = start(http.url, tmp_path)
    say(parent, 2)
    http.wait(2)
    child = os.fork()
    if child == 0:
        try:
            say(parent, 5)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with start(http.url, tmp_path):
        until(lambda: len(ends(http)) == 1)
    assert reported(http, "process.reached", "process.cut_off") == [(5, True)]
    parent.shutdown()
    assert reported(http, "process.reached", "process.cut_off")[1:] == [(2, False)]


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\n", b"\0" * 4096, b"\xff\xfe", b"[1]\n1\n", b'{"service.name": "bot"}\n' + b"0\n" * 4, b"9" * 5000],
)
def test_garbage_is_set_aside(garbage: bytes, http: OtlpReceiver, tmp_path: Path) -> None:
    (tmp_path / "one.sequence").write_bytes(garbage)
    (tmp_path / "folder.sequence").mkdir()
    os.mkfifo(tmp_path / "pipe.sequence")
    (tmp_path / "somebody else's").write_bytes(garbage)
    with start(http.url, tmp_path) as tracker:
        say(tracker, 1)
    assert [record.type for record in http.records] == ["user_message", PROCESS_ENDED]
    assert (tmp_path / "one.unreadable").read_bytes() == garbage
    assert (tmp_path / "somebody else's").exists()


def _a_file_in_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "state").write_text("a file")
    return folder / "state"


def _no_such_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return Path("/proc/chattrail")  # not even root may make a folder there


def _full_from_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    return folder


def _full_or_broken_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def broken(descriptor: int, data: bytes, at: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", broken)
    return folder


@pytest.mark.parametrize(
    "trouble", [_a_file_in_its_place, _no_such_device, _full_from_the_start, _full_or_broken_later]
)
def test_a_state_folder_in_trouble_costs_no_event(
    trouble: Callable[[Path, pytest.MonkeyPatch], Path],
    http: OtlpReceiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = trouble(tmp_path, monkeypatch)
    with start(http.url, state) as tracker:
        say(tracker, 3)
        http.wait(3)
    assert tracker.dropped == 0
    assert [record.type for record in http.records][:3] == ["user_message"] * 3
    assert "the state folder cannot be used" in caplog.text


def test_a_folder_that_vanishes_or_is_emptied_costs_no_event(http: OtlpReceiver, tmp_path: Path) -> None:
    with start(http.url, tmp_path / "state") as tracker:
        say(tracker, 1)
        (file,) = (tmp_path / "state").iterdir()
        os.truncate(file, 0)  # would kill a process that had mapped it into its memory
        say(tracker, 1)
        file.unlink()
        file.parent.rmdir()
        say(tracker, 1)
    assert tracker.dropped == 0
    assert reported(http, "process.reached") == [(3,)]


def test_numbers_of_many_threads_end_at_the_highest(http: OtlpReceiver, tmp_path: Path) -> None:
    with start(http.url, tmp_path) as tracker:
        threads = [threading.Thread(target=say, args=(tracker, 200)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (file,) = tmp_path.iterdir()
        assert int(file.read_bytes().splitlines()[1]) == 800
    assert reported(http, "process.reached") == [(800,)]


def test_without_a_folder_nothing_is_kept_or_reported(http: OtlpReceiver, tmp_path: Path) -> None:
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 1)
    assert [record.type for record in http.records] == ["user_message"]


def test_a_kill_takes_what_a_handler_left_to_the_event_loop(http: OtlpReceiver, tmp_path: Path) -> None:
    async def handle(message: Message, chattrail_tracker: Tracker) -> None:
        for text in "abc":
            await message.answer(text)
        assert len(chattrail_tracker.backlog) == 4
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:  # pragma: no cover
        bench = Bench(state=tmp_path)
        bench.on_message(handle)
        asyncio.run(bench.say("hi"))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with start(http.url, tmp_path):
        http.wait(1)
    assert reported(http, "process.reached", "process.cut_off") == [(4, True)]
