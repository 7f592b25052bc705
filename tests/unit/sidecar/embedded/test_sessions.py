"""Sessions of the embedded server: who shares one, when it ends, what it holds."""

import pytest

from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.sessions import MOST_SESSIONS, Sessions
from tests.support.clock import FakeClock


class Connection:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_session_ends_after_its_time_and_closes_its_connection() -> None:
    clock = FakeClock()
    sessions = Sessions(clock.monotonic)
    connection = Connection()
    sessions.enter("default", "s", "60", check=False).connection = connection
    clock.advance(1000)
    sessions.expire()
    assert not connection.closed, "a running request keeps its session"
    sessions.leave("default", "s")
    clock.advance(59)
    assert sessions.enter("default", "s", "60", check=True).connection is connection
    sessions.leave("default", "s")
    clock.advance(61)
    with pytest.raises(ClickHouseError, match="372"):
        sessions.enter("default", "s", "60", check=True)
    assert connection.closed


def test_a_session_is_for_one_request_at_a_time_and_for_one_user() -> None:
    sessions = Sessions()
    sessions.enter("default", "s", "60", check=False)
    with pytest.raises(ClickHouseError, match="373"):
        sessions.enter("default", "s", "60", check=False)
    sessions.enter("readonly", "s", "60", check=False)


def test_sessions_that_hold_nothing_are_forgotten_and_the_rest_is_limited() -> None:
    sessions = Sessions()
    for i in range(MOST_SESSIONS * 2):
        sessions.enter("default", str(i), "60", check=False)
        sessions.leave("default", str(i))
    held = [Connection() for _ in range(MOST_SESSIONS)]
    for i, connection in enumerate(held):
        sessions.enter("default", str(i), "60", check=False).connection = connection
    with pytest.raises(ClickHouseError, match="202"):
        sessions.enter("default", "one more", "60", check=False)
    sessions.close()
    assert all(connection.closed for connection in held)


@pytest.mark.parametrize("timeout", ["", "-1", "1.5", "3601", "²", "٣", "9" * 5000, " 6"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(timeout: str) -> None:
    with pytest.raises(ClickHouseError, match="374"):
        Sessions().enter("default", "s", timeout, check=False)
