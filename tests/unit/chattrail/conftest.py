"""What all tests of the library share."""

import logging

import pytest

from chattrail import tracker
from chattrail.rate_limited_log import RateLimitedLog


@pytest.fixture(autouse=True)
def fresh_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test have its first line of a kind: the tracker's log is limited, and tests follow each other closely."""
    monkeypatch.setattr(tracker, "_log", RateLimitedLog(logging.getLogger("chattrail")))
