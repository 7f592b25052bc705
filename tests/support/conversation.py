"""Records of two people that hold every figure at least once."""

from datetime import UTC, datetime

from tests.support.otlp import event

NOON = int(datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
MINUTE = 60 * 1_000_000_000


def conversation() -> list:  # type: ignore[type-arg]
    """Two people, every figure at least once."""
    ann = {
        "telegram.user.name": "Ann",
        "telegram.user.language_code": "en",
        "session.id": "s-1",
        "telegram.chat.id": 11,
    }
    bob = {"telegram.user.name": "Bob", "session.id": "s-2", "chattrail.persona.id": "luna"}
    return [
        event("start_command", "11", ann, at=NOON),
        event(
            "user_message",
            "11",
            {**ann, "chattrail.message.text": "hi", "chattrail.persona.id": "luna"},
            at=NOON + MINUTE,
        ),
        event(
            "ai_message",
            "11",
            {**ann, "chattrail.ai.duration_ms": 812.5, "gen_ai.usage.input_tokens": 10},
            at=NOON + 2 * MINUTE,
        ),
        event("ai_message", "11", {**ann, "error.type": "timeout"}, at=NOON + 3 * MINUTE),
        event(
            "image_generated",
            "11",
            {**ann, "chattrail.image.id": "i", "chattrail.image.data": b"\x89PNG"},
            at=NOON + 16 * MINUTE,
        ),
        event(
            "premium_action",
            "12",
            {
                **bob,
                "chattrail.premium.action": "paid",
                "chattrail.premium.amount": 100,
                "chattrail.premium.currency": "XTR",
            },
            at=NOON,
        ),
        event(
            "premium_action",
            "12",
            {
                **bob,
                "chattrail.premium.action": "refunded",
                "chattrail.premium.amount": 40,
                "chattrail.premium.currency": "XTR",
            },
            at=NOON + MINUTE,
        ),
        event("bot_blocked", "12", bob, at=NOON + 2 * MINUTE),
        event("command", "12", {**bob, "chattrail.command.name": "help"}, at=NOON + MINUTE),
    ]
