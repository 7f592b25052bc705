"""A population for the list of people: awkward names, and few different counts, so that most sorts have many ties."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.otlp import event

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = 57
AWKWARD = ['O\'Brien \\ "x"', "100% _sure_", "таб\tи строка\n", "{id:String}", "<b>Bold</b>", "🙂 émoji", "' OR 1=1 --"]


def at(minutes: float) -> int:
    return int((BEGIN + timedelta(minutes=minutes)).timestamp() * 1000) * 1_000_000


def person(number: int) -> dict[str, Any]:
    names = ["Аня Петрова", "ann", "Bob", "борис", "", *AWKWARD]
    name = names[number % len(names)]
    return {
        "telegram.user.name": name,
        "telegram.user.username": f"User_{number}" if number % 4 else "",
        "telegram.user.language_code": ["en", "ru", "pt-br", ""][number % 4],
        "telegram.user.is_premium": number % 6 == 0,
    }


def records_of(number: int, chance: random.Random) -> list[LogRecord]:
    """A person's events; few different counts, so that most sorts have many ties."""
    who, start = person(number), (number // 3) * 20
    user = f"{5_000_000_000 + number}"
    payload = {"chattrail.start.payload": ("promo", "Реклама")[number % 2]} if number % 6 < 2 else {}
    model = {"gen_ai.request.model": f"model-{number % 2}"} if number % 4 else {}
    made = [
        event("start_command", user, {**who, **payload}, at=at(start)),
        *(event("user_message", user, who, at=at(start + 1 + i)) for i in range(number % 4)),
        *(event("ai_message", user, {**who, **model}, at=at(start + 2 + i)) for i in range(number % 3)),
    ]
    if number % 5 == 0:
        paid = {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR", "chattrail.premium.amount": 50}
        paid |= {"chattrail.premium.plan": "month"}
        made.append(event("premium_action", user, {**paid, **who}, at=at(start + 5)))
    if number % 7 == 0:
        made.append(event("bot_blocked", user, who, at=at(start + 40)))
        if number % 14 == 0:
            made.append(event("bot_unblocked", user, who, at=at(start + 60)))
    for kind in ("image_generated", "image_refresh", "chat_cleared", "handler_failed"):
        made += [event(kind, user, who, at=at(start + 6)) for _ in range(chance.randrange(3))]
    made.append(
        event(
            "command",
            user,
            {**who, "session.id": f"s{chance.randrange(3)}", "chattrail.command.name": "help"},
            at=at(start + 9),
        )
    )
    return made
