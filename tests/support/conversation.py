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
        event("start_command", "11", at=NOON, **ann),
        event(
            "user_message",
            "11",
            at=NOON + MINUTE,
            **ann,
            **{"chattrail.message.text": "hi", "chattrail.persona.id": "luna"},
        ),
        event(
            "ai_message",
            "11",
            at=NOON + 2 * MINUTE,
            **ann,
            **{"chattrail.ai.duration_ms": 812.5, "gen_ai.usage.input_tokens": 10},
        ),
        event("ai_message", "11", at=NOON + 3 * MINUTE, **ann, **{"error.type": "timeout"}),
        event(
            "image_generated",
            "11",
            at=NOON + 16 * MINUTE,
            **ann,
            **{"chattrail.image.id": "i", "chattrail.image.data": b"\x89PNG"},
        ),
        event(
            "premium_action",
            "12",
            at=NOON,
            **bob,
            **{
                "chattrail.premium.action": "paid",
                "chattrail.premium.amount": 100,
                "chattrail.premium.currency": "XTR",
            },
        ),
        event(
            "premium_action",
            "12",
            at=NOON + MINUTE,
            **bob,
            **{
                "chattrail.premium.action": "refunded",
                "chattrail.premium.amount": 40,
                "chattrail.premium.currency": "XTR",
            },
        ),
        event("bot_blocked", "12", at=NOON + 2 * MINUTE, **bob),
        event("command", "12", at=NOON + MINUTE, **bob, **{"chattrail.command.name": "help"}),
    ]
