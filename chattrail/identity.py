"""Ids of events that follow from what they stand for: Telegram may deliver an update again, to another process.

The bot and the update make an incoming event one; bot, update, type (with the name of a custom event) and ordinal one that the
bot tracks while it handles the update; the charge a payment. What the bot really sends twice are two events.

Storage keeps one row of an id and time. An update without a time of its own (a button, a chosen inline result, a poll's answer)
has that of its arrival, another one when it comes again: its ids are UUIDv8, by which storage can tell.
"""

from chattrail.context import UpdateContext
from chattrail.custom import Custom
from chattrail.events import Event, PremiumAction
from chattrail.ids import named_uuid, untimed_uuid, uuid7


def incoming_id(event: Event, context: UpdateContext) -> str:
    """Return the id of the event that an update is."""
    return _id(event, context, context.kind)


def tracked_id(event: Event, context: UpdateContext) -> str:
    """Return the id of an event that the bot tracks while it handles an update."""
    kind = f"{event.type}/{event.name}" if isinstance(event, Custom) else event.type
    ordinal = context.tracked[kind] = context.tracked.get(kind, 0) + 1
    return _id(event, context, context.kind, kind, ordinal)


def _id(event: Event, context: UpdateContext, *parts: object) -> str:
    if context.bot is None or context.update_id is None:
        return uuid7()
    if isinstance(event, PremiumAction) and event.charge_id:  # a renewal may have the charge of the first payment
        return named_uuid(context.bot.id, event.action, event.charge_id, context.at)
    make = named_uuid if context.dated else untimed_uuid
    return make(context.bot.id, context.update_id, *parts)
