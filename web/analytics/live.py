"""The models of what happens now."""

from dataclasses import dataclass
from datetime import datetime

from web.analytics.trail_models import TrailEvent


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event and whose chat it is in; `name` and `username` are '' when never sent."""

    client_id: str
    name: str
    username: str
    bot: str
    event: TrailEvent


@dataclass(frozen=True, slots=True)
class Pulse:
    """What happened since a time: different people who did something themselves, their messages, payments, failures."""

    since: datetime
    people: int
    messages: int
    payments: int
    failures: int

    def at_least(self, part: "Pulse") -> "Pulse":
        """Not less than what a part of the same time has: sums follow the events, the later the more come at once."""
        return Pulse(
            self.since,
            max(self.people, part.people),
            max(self.messages, part.messages),
            max(self.payments, part.payments),
            max(self.failures, part.failures),
        )


@dataclass(frozen=True, slots=True)
class Live:
    """The newest events, the newest first, of the last hour; counts of the last minutes, and of at least an hour."""

    events: tuple[LiveEvent, ...]
    minutes: Pulse
    hour: Pulse
