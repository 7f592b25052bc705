"""What a plugin raises to say how a batch failed; the receiver turns each into the answer OTLP/HTTP prescribes."""

from collections.abc import Mapping

REASONS = 5  # named in one answer, or one line of the log


class RetryableError(Exception):
    """Not stored now, may succeed later: the sender gets 503 with Retry-After and keeps the batch."""

    def __init__(self, reason: str, *, after: float = 1.0) -> None:
        """Take the reason, without contents of events or secrets, and the seconds to wait before the next attempt."""
        super().__init__(reason)
        self.reason = reason
        self.after = after


class PermanentError(Exception):
    """Will never succeed as it is: the sender gets 400 and drops the batch, so raise it for a whole batch only."""

    def __init__(self, reason: str) -> None:
        """Take the reason, without contents of events or secrets."""
        super().__init__(reason)
        self.reason = reason


class MalformedError(Exception):
    """The body is no OTLP request; the message says what is wrong, without quoting its contents."""


class StartError(Exception):
    """The sidecar can't start as it is configured; the message names the setting and what to do about it."""


def listed(reasons: Mapping[str, int]) -> str:
    """Return reasons with how many have each, the most frequent first; above REASONS the rest are only counted."""
    most_first = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = "; ".join(f"{reason} ({count})" for reason, count in most_first[:REASONS])
    return named + (f"; and {len(most_first) - REASONS} more reasons" if len(most_first) > REASONS else "")
