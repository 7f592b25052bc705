"""Sessions: a connection that keeps its temporary tables and settings between requests with the same session_id.

Clients like clickhouse-connect name a session in every request and mostly never use it; only a statement that leaves
something behind (SET, USE, CREATE TEMPORARY TABLE) makes a session hold a connection.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sidecar.embedded.errors import ClickHouseError, Code

LONGEST_TIMEOUT_S: Final = 3600
MOST_SESSIONS: Final = 256
TIMEOUT: Final = re.compile("[0-9]{1,9}")


@dataclass(slots=True)
class Session:
    """One session; `connection` is None as long as nothing has to be kept."""

    timeout: float
    connection: Any = None
    busy: bool = False
    expires: float = 0.0


class Sessions:
    """The sessions of a server, by user and session_id. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[tuple[str, str], Session] = {}

    def enter(self, user: str, name: str, timeout: str, check: bool) -> Session:
        """Take a session for one request; `leave` gives it back. Raises ClickHouseError."""
        if not TIMEOUT.fullmatch(timeout) or int(timeout) > LONGEST_TIMEOUT_S:
            raise ClickHouseError(
                Code.INVALID_SESSION_TIMEOUT,
                f"Invalid session timeout {timeout!r}: at most {LONGEST_TIMEOUT_S} seconds",
            )
        self.expire()
        session = self._sessions.get((user, name))
        if session is None:
            if check:
                raise ClickHouseError(Code.SESSION_NOT_FOUND, f"Session {name} not found")
            if len(self._sessions) >= MOST_SESSIONS:
                raise ClickHouseError(
                    Code.TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many sessions. Maximum: {MOST_SESSIONS}"
                )
            session = self._sessions[user, name] = Session(float(timeout))
        if session.busy:
            raise ClickHouseError(Code.SESSION_IS_LOCKED, f"Session {name} is locked by a concurrent client")
        session.timeout = float(timeout)
        session.busy = True
        return session

    def leave(self, user: str, name: str, close: bool = False) -> None:
        """End a request; a session that holds nothing, or that is to be closed, is forgotten."""
        session = self._sessions[user, name]
        session.busy = False
        session.expires = self._clock() + session.timeout
        if session.connection is None or close:
            self._forget((user, name))

    def expire(self) -> None:
        """Forget the sessions whose time is over."""
        now = self._clock()
        for key in [key for key, session in self._sessions.items() if not session.busy and session.expires <= now]:
            self._forget(key)

    def close(self) -> None:
        """Forget all."""
        for key in list(self._sessions):
            self._forget(key)

    def _forget(self, key: tuple[str, str]) -> None:
        session = self._sessions.pop(key)
        if session.connection is not None:
            session.connection.close()
