"""Figures counted in plain Python from the events that were sent."""

import math
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.support.web_chats import Sent


def count(events: list[Sent]) -> dict[str, Any]:
    """The headline numbers, but new people."""
    kinds = Counter(e.type for e in events if not e.failed or e.type == "handler_failed")
    return {
        "people": len({e.user for e in events if e.own}),
        "messages": kinds["user_message"],
        "bot_messages": kinds["bot_message"],
        "answers": kinds["ai_message"],
        "pictures": kinds["image_generated"],
        "stars": sum(stars(e) for e in events),
    }


def stars(e: Sent) -> int:
    if e.get("chattrail.premium.currency") != "XTR":
        return 0
    sign = {"paid": 1, "refunded": -1}.get(e.get("chattrail.premium.action"), 0)
    return sign * int(e.get("chattrail.premium.amount"))


def revenue(events: list[Sent]) -> list[dict[str, Any]]:
    """Paid less refunded by currency, in exact decimals."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for e in events:
        sign = {"paid": 1, "refunded": -1}.get(e.get("chattrail.premium.action"), 0)
        if sign:
            sums[e.get("chattrail.premium.currency")] += sign * Decimal(str(e.get("chattrail.premium.amount")))
    digits = {"XTR": 0, "EUR": 2, "JPY": 0}
    return [
        {"currency": each, "amount": float(total), "minor_digits": digits[each]}
        for each, total in sorted(sums.items())
        if total
    ]


def actions(events: list[Sent], name: str) -> int:
    return sum(e.get("chattrail.premium.action") == name for e in events)


def paid_as(events: list[Sent], subscription: str) -> int:
    return sum(
        e.get("chattrail.premium.action") == "paid" and e.get("chattrail.premium.subscription") == subscription
        for e in events
    )


def quantile(values: list[float], level: float) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * level
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def first_own_of(events: list[Sent]) -> dict[str, datetime]:
    """When each person did something for the first time."""
    first: dict[str, datetime] = {}
    for e in sorted(events, key=lambda e: e.at):
        if e.own:
            first.setdefault(e.user, e.at)
    return first
