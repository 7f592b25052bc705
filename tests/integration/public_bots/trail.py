"""A chat as the trail shows it and as the simulated Telegram recorded it, in one form, so that the two can be compared."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.simulators.telegram.record import Entry

MONEY = {"invoice_sent": "invoice", "paid": "successful_payment", "refunded": "refunded_payment"}
UNSHOWN = frozenset({"handler_failed", "bot_blocked", "bot_unblocked", "chat_action"})
"""Events that are no part of what the chat says."""


@dataclass(slots=True)
class Shown:
    """A message, press or answer to a press as one reads it at the end."""

    side: str
    message_id: int
    kind: str
    text: str
    entities: tuple[tuple[str, int, int], ...] = ()
    album: str = ""
    reply_to: str = ""
    deleted: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    votes: str = ""


def recorded(record: Iterable[Entry], person: int | None = None) -> list[Shown]:
    """Return what the simulated Telegram saw; of a group, what one person sent."""
    return [_of_entry(entry) for entry in record if person is None or entry.sender == person]


def _of_entry(entry: Entry) -> Shown:
    content: Mapping[str, Any] = entry.content
    if entry.kind in {"button", "alert", "notice"}:
        return Shown(entry.side, 0, entry.kind, entry.text)
    text = entry.text
    if entry.kind in MONEY.values():
        text = f"{content[entry.kind]['total_amount']} {content[entry.kind]['currency']}"
    return Shown(
        "person" if entry.kind == "refunded_payment" else entry.side,
        0 if entry.kind == "gift" else entry.message_id,  # the bot is not told the number of a gift's message
        entry.kind,
        text,
        _entities(content.get("entities") or content.get("caption_entities") or ()),
        entry.album or "",
        str(entry.reply_to or ""),
        entry.deleted,
        dict(entry.reactions),
        " ".join(str(option) for chosen in entry.votes.values() for option in chosen),
    )


def shown(events: Iterable[Mapping[str, Any]]) -> list[Shown]:
    """Return what a person's events, oldest first, say that the chat shows."""
    messages: dict[tuple[str, int], Shown] = {}
    found: list[Shown] = []
    for event in events:
        attributes: Mapping[str, str] = event["attributes"]
        about = messages.get((event["chat_id"], event["message_id"]))
        match event["type"]:
            case "message_edited":
                assert about is not None, event
                about.text, about.kind = event["text"], attributes.get("chattrail.message.kind", about.kind)
                about.entities = _entities(json.loads(attributes.get("chattrail.message.entities", "[]")))
            case "message_deleted":
                assert about is not None, event
                about.deleted = True
            case "reaction":
                assert about is not None, event
                emoji, side = attributes.get("chattrail.reaction.emoji", ""), attributes["chattrail.side"]
                about.reactions = {**about.reactions, side: emoji}
                if not emoji:
                    del about.reactions[side]
            case "poll":
                if attributes["chattrail.poll.action"] != "closed":
                    assert about is not None, event
                    about.votes = attributes.get("chattrail.poll.options", "")
            case kind if kind in UNSHOWN:
                pass
            case "premium_action" if attributes["chattrail.premium.action"] not in MONEY or not event["message_id"]:
                pass  # no message: a refusal, a link to an invoice
            case _:
                new = _of_event(event)
                if about is not None and new.kind not in {"button", "alert", "notice"} and about.side == new.side:
                    # The caption of an image is an event of its own.
                    about.text, about.entities = new.text, new.entities
                    continue
                found.append(new)
                if new.message_id:
                    messages[event["chat_id"], event["message_id"]] = new
    return found


def _of_event(event: Mapping[str, Any]) -> Shown:
    attributes: Mapping[str, str] = event["attributes"]
    place: dict[str, Any] = {
        "entities": _entities(json.loads(attributes.get("chattrail.message.entities", "[]"))),
        "album": attributes.get("telegram.message.media_group_id", ""),
        "reply_to": attributes.get("telegram.message.reply_to_id", ""),
    }
    message_id, kind = event["message_id"], attributes.get("chattrail.message.kind", "text")
    match event["type"]:
        case "start_command":
            text = f"/start {attributes.get('chattrail.start.payload', '')}".rstrip()
            return Shown("person", message_id, "text", text, **place)
        case "command":
            text = (
                f"/{attributes['chattrail.command.name']} {attributes.get('chattrail.command.arguments', '')}".rstrip()
            )
            return Shown("person", message_id, "text", text, **place)
        case "image_generated":
            return Shown("bot", message_id, "photo", "", **place)
        case "premium_action":
            amount = f"{attributes['chattrail.premium.minor_units']} {attributes['chattrail.premium.currency']}"
            kind = MONEY[attributes["chattrail.premium.action"]]
            return Shown("bot" if kind == "invoice" else "person", message_id, kind, amount, **place)
        case _:
            side = "person" if event["type"] == "user_message" else "bot"
            if kind in {"button", "alert", "notice"}:
                return Shown(side, 0, kind, event["text"])
            return Shown(side, message_id, kind, event["text"], **place)


def _entities(given: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, int, int], ...]:
    """Return what is formatted; which words are commands says the event itself."""
    return tuple((one["type"], one["offset"], one["length"]) for one in given if one["type"] != "bot_command")
