"""Seeded chats of 40 people as plain objects, so that a test can count what it sent without asking our code."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.otlp import event

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 2, 9, 5, 7, tzinfo=UTC)
FIRST = datetime(2026, 8, 1, tzinfo=UTC)
OWN = {
    "user_message", "command", "start_command", "persona_selected", "story_selected", "image_refresh", "chat_cleared",
    "chat_continued", "chat_action",
}  # fmt: skip
SERVICE = "test-bot"  # of events without a bot's id; the service has had two, so they stay its own
NAMES = {"luna": "Luna", "cap": "Captain", "sea": "The sea", "night": "Night train"}


@dataclass(frozen=True)
class Sent:
    """One event as this test knows it."""

    type: str
    user: str
    at: datetime
    extra: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.extra.get(name, "")

    @property
    def failed(self) -> bool:
        return bool(self.get("error.type"))

    @property
    def own(self) -> bool:
        did = {
            "message_edited": self.get("chattrail.side") == "person",
            "reaction": self.get("chattrail.side") != "bot",
            "poll": self.get("chattrail.poll.action") != "closed",
            "custom": self.get("telegram.update.id") != "",
            "premium_action": self.get("chattrail.premium.action") == "paid",
        }
        return self.user != "" and did.get(self.type, self.type in OWN)

    @property
    def bot(self) -> str:
        return str(self.get("telegram.bot.id") or SERVICE)

    def record(self) -> LogRecord:
        nanoseconds = int(self.at.timestamp()) * 10**9 + self.at.microsecond * 1000
        return event(self.type, self.user, self.extra, at=nanoseconds)


def make_events(seed: int) -> list[Sent]:
    """Three months of 40 people: random types, bursts around midnights and the clock change of 25 October."""
    chance = random.Random(seed)
    moments = [FIRST + (NOW - FIRST) * chance.random() for _ in range(2500)]
    for day in (
        datetime(2026, 10, 25, tzinfo=ZONE),
        datetime(2026, 10, 26, tzinfo=ZONE),
        datetime(2026, 11, 1, tzinfo=ZONE),
    ):
        middle = day.astimezone(UTC)
        moments += [middle + timedelta(minutes=chance.uniform(-240, 240)) for _ in range(150)]
    moments += [NOW - timedelta(seconds=chance.uniform(0, 3600)) for _ in range(60)]
    return [one_event(chance, at.replace(microsecond=at.microsecond // 1000 * 1000)) for at in moments]


def one_event(chance: random.Random, at: datetime) -> Sent:
    user = f"{1000 + int(chance.paretovariate(1.2)) % 40}"
    persona, story = chance.choice(["luna", "cap", ""]), chance.choice(["sea", "night", ""])
    place: dict[str, Any] = {"telegram.user.language_code": {"0": "ru", "1": "en", "2": ""}.get(user[-1], "de")}
    place |= {"chattrail.persona.id": persona} if persona else {}
    place |= {"chattrail.story.id": story} if story else {}
    error = {"error.type": "timeout"} if chance.random() < 0.1 else {}
    answer = {"gen_ai.usage.input_tokens": chance.randrange(900), "gen_ai.usage.output_tokens": chance.randrange(300)}
    timed = {"chattrail.ai.duration_ms": round(chance.expovariate(1 / 900), 3)} if chance.random() < 0.8 else {}
    place |= {"telegram.bot.id": chance.choice([42, 43])} if chance.random() < 0.7 else {}
    side = {"chattrail.side": chance.choice(["person", "bot"])}
    update = {"telegram.update.id": chance.randrange(1, 9999)} if chance.random() < 0.5 else {}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("start_command", {}),
        ("user_message", {"chattrail.message.text": "привет"}),
        ("user_message", {"chattrail.message.kind": "button"}),
        ("ai_message", {**answer, **timed, **error}),
        ("ai_message", {**answer, **timed}),
        ("image_generated", {"chattrail.image.prompt": "sea", **error}),
        ("image_refresh", {}),
        ("persona_selected", {"chattrail.persona.name": NAMES.get(persona, "")}),
        ("story_selected", {"chattrail.story.name": NAMES.get(story, "")}),
        ("chat_cleared", {}),
        ("chat_continued", {}),
        ("premium_action", payment(chance)),
        ("premium_action", payment(chance)),
        ("bot_message", {"chattrail.message.text": "menu"}),
        ("bot_message", {"chattrail.message.kind": "sticker"}),
        ("message_edited", {"chattrail.message.text": "hello", **side}),
        ("message_deleted", {}),
        ("reaction", {"chattrail.reaction.emoji": chance.choice(["👍", "👍 🔥", ""]), **side}),
        ("poll", {"chattrail.poll.action": chance.choice(["voted", "retracted", "closed"])}),
        ("chat_action", {"chattrail.chat.action": "boosted"}),
        ("custom", {"chattrail.custom.name": chance.choice(["quiz_finished", "level_up"]), **update}),
        ("command", {"chattrail.command.name": chance.choice(["help", "premium"])}),
        (chance.choice(["bot_blocked", "bot_unblocked"]), {}),
        ("handler_failed", {"error.type": "ValueError"}),
    ]
    kind, extra = chance.choice(kinds)
    return Sent(kind, user, at, {**place, **extra})


def payment(chance: random.Random) -> dict[str, Any]:
    """Something about money: in Stars, euros and yen, told in smallest units or in units alone."""
    actions = ["offered", "invoice_sent", "paid", "paid", "refunded", "expired", "refused", "cancelled"]
    currency, digits = chance.choice([("XTR", 0), ("XTR", 0), ("EUR", 2), ("JPY", 0)])
    minor = chance.randrange(1, 50_000)
    told: dict[str, Any] = {
        "chattrail.premium.action": chance.choice(actions),
        "chattrail.premium.currency": currency,
        "chattrail.premium.amount": minor / 10**digits,
    }
    if chance.random() < 0.6:
        told |= {"chattrail.premium.minor_units": minor}
    if chance.random() < 0.4:
        told |= {"chattrail.premium.subscription": chance.choice(["first", "renewal"])}
    return told
