"""Rules over the stream of events, and over images that wait: what is counted, and when it is worth a message.

Windows go by the time an event happened, so history that is filled in later raises no alarm; silence goes by arrival.
Nothing of an event but its type, its error type being there, and a payment's amount is looked at.
"""

import re
from dataclasses import dataclass

from chattrail.events import EVENT_TYPES
from common.settings import nearest
from sidecar.otlp.batch import EventRecord

BUCKETS = 60
_UNITS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_TIME = r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>s|sec|min|m|h|d)"
_SHARE = re.compile(rf"(?P<what>ai|image) failures ?> ?(?P<limit>\d+(?:\.\d+)?) ?% in {_TIME}")
_COUNT = re.compile(rf"(?P<what>[a-z_]+) ?> ?(?P<limit>\d+) in {_TIME}")
_SILENCE = re.compile(rf"no events for {_TIME}")
_PENDING = re.compile(rf"pictures pending for {_TIME}")
_SHARED_TYPES = {"ai": "ai_message", "image": "image_generated"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks: `wall` in Unix seconds for when events happened, `steady` for intervals.

    `waiting` is how many images wait to be archived now, `oldest_s` for how many seconds the oldest has.
    """

    wall: float
    steady: float
    waiting: int = 0
    oldest_s: float = 0.0


class Rule:
    """Looks at events, and returns a message when its condition holds. `once`: in the life of the deployment."""

    once = False

    def __init__(self, text: str) -> None:
        self.text = text

    def observe(self, event: EventRecord, now: Moment) -> None:
        """Take an event in; each comes once."""

    def check(self, now: Moment) -> str | None:
        """Return the message, None while there is none."""
        raise NotImplementedError


class _Counted(Rule):
    """`ai failures > 5% in 10 min` (with `at_least`) and `handler_failed > 10 in 10 min`.

    Counts, of all and of failed events, are kept in buckets of time: memory doesn't grow with traffic.
    """

    def __init__(self, text: str, type_: str, limit: float, length: float, at_least: int | None = None) -> None:
        super().__init__(text)
        self._type, self._limit, self._length, self._at_least = type_, limit, length, at_least
        self._buckets: dict[int, list[int]] = {}

    def _bucket(self, at: float) -> int:
        return int(at // (self._length / BUCKETS))

    def observe(self, event: EventRecord, now: Moment) -> None:
        at = min(event.timestamp / 1e9, now.wall)  # one from the future counts as of now
        if event.type == self._type and at > now.wall - self._length:
            counts = self._buckets.setdefault(self._bucket(at), [0, 0])
            counts[0] += 1
            counts[1] += bool(event.attributes.get("error.type"))

    def check(self, now: Moment) -> str | None:
        oldest = self._bucket(now.wall - self._length)
        self._buckets = {bucket: counts for bucket, counts in self._buckets.items() if bucket > oldest}
        every, bad = (sum(counts[which] for counts in self._buckets.values()) for which in (0, 1))
        if self._at_least is None:
            return f"{self.text}: now {every}" if every > self._limit else None
        if every < self._at_least or bad * 100 <= self._limit * every:  # not by a handful of events only
            return None
        return f"{self.text}: now {bad * 100 / every:.1f}% ({bad} of {every})"


class _Silence(Rule):
    """`no events for 15 min`: once for each silence, counted from the start before the first event."""

    def __init__(self, text: str, length: float) -> None:
        super().__init__(text)
        self._length = length
        self._since: float | None = None
        self._reported = False

    def observe(self, event: EventRecord, now: Moment) -> None:
        self._since, self._reported = now.steady, False

    def check(self, now: Moment) -> str | None:
        if self._since is None:
            self._since = now.steady
        if self._reported or now.steady - self._since < self._length:
            return None
        self._reported = True
        return f"{self.text}: the last one came {(now.steady - self._since) / 60:.0f} min ago"


class _ImagesPending(Rule):
    """`pictures pending for 1 h`: the oldest image that is not archived yet has waited for so long."""

    def __init__(self, text: str, length: float) -> None:
        super().__init__(text)
        self._length = length

    def check(self, now: Moment) -> str | None:
        if not now.waiting or now.oldest_s < self._length:
            return None
        return f"{self.text}: the oldest of {now.waiting} has waited for {now.oldest_s / 60:.0f} min"


class _FirstPayment(Rule):
    """`first payment`: the first one that comes by."""

    once = True
    _seen: str | None = None

    def observe(self, event: EventRecord, now: Moment) -> None:
        paid = event.type == "premium_action" and event.attributes.get("chattrail.premium.action") == "paid"
        if paid and self._seen is None:
            amount = event.attributes.get("chattrail.premium.amount")
            currency = event.attributes.get("chattrail.premium.currency")
            sum_ = f"{amount:g}" if isinstance(amount, int | float) else ""
            code = currency if isinstance(currency, str) and re.fullmatch(r"[A-Z]{3}", currency) else ""
            self._seen = f"{sum_} {code}".strip() or "amount unknown"

    def check(self, now: Moment) -> str | None:
        return f"{self.text}: {self._seen}" if self._seen else None


def rule_of(text: str, *, at_least: int) -> Rule:
    """Read a rule. Raises ValueError saying how rules are written."""
    plain = " ".join(text.lower().split())
    if plain == "first payment":
        return _FirstPayment(plain)
    if found := _SILENCE.fullmatch(plain):
        return _Silence(plain, _seconds(found))
    if found := _PENDING.fullmatch(plain):
        return _ImagesPending(plain, _seconds(found))
    if found := _SHARE.fullmatch(plain):
        return _Counted(plain, _SHARED_TYPES[found["what"]], float(found["limit"]), _seconds(found), at_least)
    if found := _COUNT.fullmatch(plain):
        if found["what"] not in EVENT_TYPES:
            hint = nearest(found["what"], EVENT_TYPES)
            raise ValueError(f"rule {text!r}: there is no event type {found['what']!r}; did you mean {hint}?")
        return _Counted(plain, found["what"], int(found["limit"]), _seconds(found))
    raise ValueError(
        f"rule {text!r} can't be read; rules look like: ai failures > 5% in 10 min, image failures > 20% in 1 h, "
        "handler_failed > 10 in 10 min, no events for 15 min, pictures pending for 1 h, first payment"
    )


def _seconds(found: re.Match[str]) -> float:
    seconds = float(found["number"]) * _UNITS[found["unit"]]
    if not seconds:
        raise ValueError(f"rule {found[0]!r}: its time must be more than nothing")
    return seconds
