"""The end of a process: what is queued is sent, and nobody is held up."""

import socket
import subprocess
import sys
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
