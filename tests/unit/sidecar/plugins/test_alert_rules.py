"""The rules of the alerts: when they hold, when they don't, and how they are written."""

import pytest

from common.settings import SettingsError
from sidecar.otlp.batch import EventRecord
from sidecar.plugins.telegram_alerts import FACTORY
from sidecar.plugins.telegram_alerts.rules import Moment, Rule, rule_of

NOW = 1_770_000_000.0


def event(type_: str, at: float = NOW, /, **attributes: object) -> EventRecord:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return EventRecord(type_, "e", "7", int(at * 1e9), named, {})  # type: ignore[arg-type]


def at(seconds: float = 0) -> Moment:
    return Moment(NOW + seconds, 500 + seconds)


def rule(text: str, at_least: int = 20) -> Rule:
    return rule_of(text, at_least=at_least)


def feed(rule: Rule, good: int, bad: int, when: float = 0, type_: str = "ai_message") -> None:
    for _ in range(good):
        rule.observe(event(type_, NOW + when), at(max(when, 0)))
    for _ in range(bad):
        rule.observe(event(type_, NOW + when, error__type="timeout"), at(max(when, 0)))


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (95, 5, None),  # exactly the limit is not above it
        (94, 6, "ai failures > 5% in 10 min: now 6.0% (6 of 100)"),
        (0, 19, None),  # too few to tell
        (0, 20, "ai failures > 5% in 10 min: now 100.0% (20 of 20)"),
    ],
)
def test_a_share_of_failures(good: int, bad: int, said: str | None) -> None:
    watched = rule("AI failures >  5% in 10 min")
    feed(watched, good, bad)
    assert watched.check(at(1)) == said


def test_a_share_forgets_what_left_the_window() -> None:
    watched = rule("ai failures > 5% in 10 min")
    feed(watched, 0, 50)
    assert watched.check(at(580))
    assert watched.check(at(611)) is None
    feed(watched, 100, 0, 620)
    assert watched.check(at(620)) is None


def test_history_and_other_types_do_not_count() -> None:
    watched = rule("ai failures > 5% in 10 min")
    feed(watched, 0, 1000, -601)
    feed(watched, 0, 1000, 0, "image_generated")
    assert watched.check(at()) is None
    feed(watched, 0, 20, -590)
    assert watched.check(at())


def test_an_event_from_the_future_counts_as_of_now() -> None:
    watched = rule("ai failures > 5% in 10 min")
    for _ in range(30):
        watched.observe(event("ai_message", NOW + 1e6, error__type="x"), at())
    assert watched.check(at())
    assert watched.check(at(700)) is None


def test_images_have_a_share_of_their_own() -> None:
    watched = rule("image failures > 50% in 1 h", at_least=2)
    feed(watched, 1, 2, 0, "image_generated")
    assert watched.check(at()) == "image failures > 50% in 1 h: now 66.7% (2 of 3)"


def test_a_count_of_a_type() -> None:
    watched = rule("handler_failed > 2 in 90 s")
    for _ in range(2):
        watched.observe(event("handler_failed"), at())
    assert watched.check(at()) is None
    watched.observe(event("handler_failed"), at())
    assert watched.check(at()) == "handler_failed > 2 in 90 s: now 3"
    assert watched.check(at(93)) is None


def test_silence_is_told_once_and_again_after_an_event() -> None:
    watched = rule("no events for 15 min")
    assert watched.check(at()) is None  # counted from the first look
    assert watched.check(at(899)) is None
    assert watched.check(at(900)) == "no events for 15 min: the last one came 15 min ago"
    assert watched.check(at(5000)) is None
    watched.observe(event("command"), at(5001))
    assert watched.check(at(5900)) is None
    assert watched.check(at(5901))


def test_images_that_wait_too_long() -> None:
    watched = rule("pictures pending for 1 h")

    def now(waiting: int, oldest_s: float) -> Moment:
        return Moment(NOW, 500, waiting, oldest_s)

    feed(watched, 5, 5, 0, "image_generated")
    assert watched.check(at()) is None  # no archive in this sidecar
    assert watched.check(now(3, 3599)) is None
    assert watched.check(now(3, 3600)) == "pictures pending for 1 h: the oldest of 3 has waited for 60 min"
    assert watched.check(now(0, 7200)) is None  # the gauges are set one after the other
    assert watched.check(now(1, 10)) is None


def test_the_first_payment_and_only_a_payment() -> None:
    watched = rule("first payment")
    watched.observe(event("premium_action", chattrail__premium__action="invoice_sent"), at())
    assert watched.check(at()) is None
    paid = {"chattrail__premium__action": "paid", "chattrail__premium__currency": "XTR"}
    watched.observe(event("premium_action", chattrail__premium__amount=250.0, **paid), at())
    watched.observe(event("premium_action", chattrail__premium__amount=1.0, **paid), at())
    assert watched.check(at()) == "first payment: 250 XTR"


def test_a_window_stays_small_under_any_traffic() -> None:
    watched = rule("ai failures > 5% in 10 min")
    for second in range(5000):
        feed(watched, 3, 0, second)
        watched.check(at(second))
    assert len(watched._buckets) <= 61  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ai failures > 5% in 0 min", "must be more than nothing"),
        ("ai failures above 5%", "can't be read; rules look like"),
        ("pictures pending 1 h", "pictures pending for 1 h"),
        ("comand > 5 in 10 min", "there is no event type 'comand'; did you mean command"),
        ("first payment,first payment", "written twice"),
        ("", ""),
    ],
)
def test_rules_that_cannot_be_read_are_told_at_start(text: str, message: str) -> None:
    given = {"TOKEN": "42:x", "CHAT_ID": "-100", "RULES": text}
    environ = {f"CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_{name}": value for name, value in given.items()}
    if not text:  # empty counts as unset
        assert len(FACTORY.config.load(environ).rules) == 4  # type: ignore[attr-defined]
        return
    with pytest.raises(SettingsError, match="CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_RULES: ") as caught:
        FACTORY.config.load(environ)
    assert message in str(caught.value)
