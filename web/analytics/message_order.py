"""The order of one second's messages: as their chat numbers them.

Telegram's times are whole seconds, and a process numbers its events as it learns of them. That may be another order: the response
to the bot's message comes after what the person writes next, or two processes serve one bot, each with numbers of its own.
"""

from collections import defaultdict
from collections.abc import Sequence

from web.analytics.queries import Order
from web.analytics.trail_models import TrailEvent

MESSAGES = frozenset({"user_message", "bot_message", "ai_message", "image_generated", "start_command", "command"})
PAYMENTS = frozenset({"invoice_sent", "paid", "refunded"})
PRESSES = frozenset({"button", "alert", "notice"})  # they have the number of the message with the buttons


def in_message_order(events: Sequence[TrailEvent], order: Order) -> tuple[TrailEvent, ...]:
    """Return the events with messages of one chat and time by their numbers; all others stay where they are."""
    places: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, event in enumerate(events):
        if _is_numbered(event):
            names = (event.attributes.get(name, "") for name in ("telegram.bot.id", "telegram.business_connection.id"))
            places[event.at, event.chat_id, *names].append(place)
    found = list(events)
    for each in places.values():
        by_number = sorted((events[place] for place in each), key=lambda one: one.message_id, reverse=order == "desc")
        for place, event in zip(each, by_number, strict=True):
            found[place] = event
    return tuple(found)


def _is_numbered(event: TrailEvent) -> bool:
    """Whether an event is a message that has a number of its own."""
    if not event.message_id:
        return False
    if event.type == "premium_action":
        return event.attributes.get("chattrail.premium.action") in PAYMENTS
    return event.type in MESSAGES and event.attributes.get("chattrail.message.kind") not in PRESSES
