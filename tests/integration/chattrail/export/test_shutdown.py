"""The end of a process: what is queued is sent, and nobody is held up."""

import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from chattrail import create_tracker
from chattrail.export.processor import Limits
from tests.integration.chattrail.export.support import accounted, numbers, say
from tests.support.fakes.otlp_receiver import OtlpReceiver


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_nobody_listening_does_not_hold_the_shutdown_up(protocol: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        tracker = create_tracker("bot", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}", protocol=protocol)
        say(tracker, 3000)
        tracker.shutdown()
    counts = tracker.counts()
    assert (counts.emitted, counts.exported, counts.queued, dict(counts.losses)) == (3000, 0, 0, {"shutdown": 3000})
    say(tracker, 1)
    assert dict(tracker.counts().losses) == {"shutdown": 3001}
    tracker.shutdown()


def test_a_peer_that_accepts_and_hangs_does_not_hold_the_shutdown_up(receiver: Any) -> None:
    receiver.hang()
    tracker = create_tracker("bot", endpoint=receiver.url)
    say(tracker, 3000)
    receiver.wait_requests(1)
    tracker.shutdown()
    assert accounted(tracker)
    assert tracker.dropped == 3000


def test_shutdown_sends_what_is_queued(receiver: Any) -> None:
    tracker = create_tracker("bot", endpoint=receiver.url, limits=Limits(delay=60))
    say(tracker, 100)
    tracker.shutdown()
    assert numbers(receiver) == list(range(100))


def test_a_script_that_just_ends_loses_nothing(http: OtlpReceiver) -> None:
    script = (
        "from chattrail import Person, create_tracker\n"
        "from chattrail.events import Command\n"
        f"tracker = create_tracker('bot', endpoint={http.url!r})\n"
        "for _ in range(700): tracker.track(Command(name='x'), user=Person(1))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert len(http.wait(700)) == 700


def test_a_bot_that_just_ends_loses_no_edit_that_waits(http: OtlpReceiver) -> None:
    script = (
        "import asyncio\n"
        "from chattrail import create_tracker\n"
        "from chattrail.botapi.recorder import recorder_of\n"
        f"tracker = create_tracker('bot', endpoint={http.url!r})\n"
        "chat = {'id': 1001, 'type': 'private', 'first_name': 'Ann'}\n"
        "for name, text in (('sendMessage', '…'), ('editMessageText', 'Here'), ('editMessageText', 'Here it is')):\n"
        "    message = {'message_id': 7, 'date': 1_790_000_000, 'chat': chat, 'text': text}\n"
        "    recorder_of(tracker).sent(tracker.bot(42), name, {'chat_id': 1001, 'message_id': 7}, message, None, None)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert [record.attributes["chattrail.message.text"] for record in http.wait(2)] == ["…", "Here it is"]


@pytest.mark.parametrize("hangs", [False, True])
def test_an_interpreter_that_starts_no_threads_any_more_is_no_fault(
    receiver: Any, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.12.1 starts none in functions that are called at exit."""
    if hangs:
        receiver.hang()
    tracker = create_tracker("bot", endpoint=receiver.url)
    say(tracker, 100)
    if hangs:
        receiver.wait_requests(1)

    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if not thread.name.startswith("chattrail"):
            return start(thread)  # of the receiver
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    tracker.shutdown(1.0)
    counts = tracker.counts()
    assert (counts.exported, dict(counts.losses)) == ((0, {"shutdown": 100}) if hangs else (100, {}))


def test_a_script_that_just_ends_loses_nothing_that_waits(http: OtlpReceiver) -> None:
    """An edit waits for those that follow it, an update for what its handler knows, a message for the event loop."""
    script = (
        "import asyncio\n"
        "from chattrail import create_tracker\n"
        "from chattrail.botapi.recorder import recorder_of\n"
        "from chattrail.context import UpdateContext\n"
        f"tracker = create_tracker('bot', endpoint={http.url!r})\n"
        "recorder, bot = recorder_of(tracker), tracker.bot(42)\n"
        "said = {'message_id': 5, 'date': 1, 'chat': {'id': 1001, 'type': 'private'}, 'from': {'id': 1001}, 'text': 'hi'}\n"
        "recorder.sent(bot, 'editMessageText', {}, said | {'message_id': 4}, None, None)\n"
        "recorder.arrive(UpdateContext(tracker, bot), 7, 'message', said)\n"
        "async def main(): tracker.backlog.add(1, recorder.sent, bot, 'sendMessage', {}, said | {'message_id': 6}, None, None)\n"
        "asyncio.new_event_loop().run_until_complete(main())\n"
        "assert len(tracker.backlog) == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert sorted(record.type for record in http.wait(3)) == ["bot_message", "message_edited", "user_message"]


def test_an_exit_that_starts_no_threads_any_more_prints_nothing_and_loses_nothing(http: OtlpReceiver) -> None:
    """As the exit of Python 3.12.1, whatever waits: a thread for edits, one for the last batch."""
    script = (
        "import atexit, threading\n"
        "from chattrail import Person, create_tracker\n"
        "from chattrail.botapi.recorder import recorder_of\n"
        "from chattrail.events import UserMessage\n"
        f"tracker = create_tracker('bot', endpoint={http.url!r})\n"
        "tracker.track(UserMessage(text='hi'), user=Person(1001))\n"
        "edited = {'message_id': 4, 'date': 1, 'chat': {'id': 1001, 'type': 'private'}, 'text': 'hello'}\n"
        "recorder_of(tracker).sent(tracker.bot(42), 'editMessageText', {}, edited, None, None)\n"
        'def refuse(thread): raise RuntimeError("can\'t create new thread at interpreter shutdown")\n'
        "atexit.register(setattr, threading.Thread, 'start', refuse)  # called first\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True)
    assert sorted(record.type for record in http.wait(2)) == ["message_edited", "user_message"]
    assert done.stderr == ""
