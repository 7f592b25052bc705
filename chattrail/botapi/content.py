"""The content of a message: which kind it is, and what events say about it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from chattrail.botapi.reading import compact, entities, get, items, known, number, word
from chattrail.botapi.rich_text import plain
from chattrail.botapi.rules import Rule, table

Fields: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Any], Fields]


def _file(found: Any) -> Fields:
    return known(
        file_id=word(get(found, "file_id")),
        file_unique_id=word(get(found, "file_unique_id")),
        file_name=word(get(found, "file_name")),
        content_type=word(get(found, "mime_type")),
        file_size=number(get(found, "file_size")),
        file_duration_s=_seconds(get(found, "duration")),
    )


def _seconds(found: Any) -> float | None:
    total = getattr(found, "total_seconds", None)
    return float(total()) if total else float(found) if isinstance(found, int | float) else None


def _photo(sizes: Any) -> Fields:
    largest = max(items(sizes), key=lambda size: (get(size, "width") or 0) * (get(size, "height") or 0), default=None)
    return known(image_id=word(get(largest, "file_unique_id")), image_file_id=word(get(largest, "file_id")))


def _live_photo(found: Any) -> Fields:
    return _file(found) | _photo(get(found, "photo"))


def _sticker(found: Any) -> Fields:
    return _file(found) | known(text=get(found, "emoji"), data=_data(set=get(found, "set_name")))


def _paid_media(found: Any) -> Fields:
    media = list(items(get(found, "paid_media")))
    shown = next((sizes for one in media if (sizes := get(one, "photo"))), None)
    kinds = [word(get(one, "type")) for one in media]
    return _photo(shown) | {"data": _data(star_count=get(found, "star_count"), media=kinds)}


def _poll(found: Any) -> Fields:
    options = [get(option, "text") for option in items(get(found, "options"))]
    data = _data(id=get(found, "id"), type=word(get(found, "type")), options=options)
    return known(text=get(found, "question"), data=data)


def _checklist(found: Any) -> Fields:
    return known(text=get(found, "title"), data=_data(tasks=_tasks(found)))


def _tasks(found: Any) -> list[Any]:
    return [get(task, "text") for task in items(get(found, "tasks"))]


def _tasks_done(found: Any) -> Fields:
    done, not_done = (list(items(get(found, f"marked_as_{state}_task_ids"))) for state in ("done", "not_done"))
    return {"data": _data(done=done, not_done=not_done)}


def _dice(found: Any) -> Fields:
    return known(text=get(found, "emoji"), data=_data(value=get(found, "value")))


def _location(found: Any) -> Fields:
    return {"data": _data(**_point(found), live_period=_seconds(get(found, "live_period")))}


def _point(found: Any) -> Fields:
    return {"latitude": get(found, "latitude"), "longitude": get(found, "longitude")}


def _venue(found: Any) -> Fields:
    data = _data(address=get(found, "address"), **_point(get(found, "location")))
    return known(text=get(found, "title"), data=data)


def _contact(found: Any) -> Fields:
    names = {name: get(found, name) for name in ("phone_number", "first_name", "last_name")}
    return {"data": _data(**names)}


def _game(found: Any) -> Fields:
    return known(text=get(found, "title"), data=_data(description=get(found, "description")))


def _gift(found: Any) -> Fields:
    gift = get(found, "gift")
    sticker = get(gift, "sticker")
    data = _data(id=get(gift, "id"), star_count=get(gift, "star_count"), emoji=get(sticker, "emoji"))
    return known(text=get(found, "text"), entities=entities(get(found, "entities")), data=data)


def _unique_gift(found: Any) -> Fields:
    gift = get(found, "gift")
    data = _data(name=get(gift, "name"), number=get(gift, "number"), origin=word(get(found, "origin")))
    return known(text=get(found, "text"), data=data)


def _web_app_data(found: Any) -> Fields:
    return known(text=get(found, "button_text"), data=_data(data=get(found, "data")))


def _shared(found: Any) -> Fields:
    count = len(list(items(get(found, "users")) or items(get(found, "user_ids")))) or 1
    return {"data": _data(request_id=get(found, "request_id"), count=count)}


def _rich(found: Any) -> Fields:
    return known(text=plain(found))


def _nothing(found: Any) -> Fields:
    return {}


def _data(**found: Any) -> str | None:
    given = known(**found)
    return compact(given) if given else None


_FILE = "a file"
# In this order: with a live photo comes a photo, with an animation a document, with a venue a location.
CONTENTS: Mapping[str, Rule[Read]] = table(
    {
        "text": ("the text", _nothing),
        "live_photo": ("an image and a file", _live_photo),
        "photo": ("an image", _photo),
        "animation": (_FILE, _file),
        "video": (_FILE, _file),
        "video_note": (_FILE, _file),
        "voice": (_FILE, _file),
        "audio": (_FILE, _file),
        "document": (_FILE, _file),
        "sticker": ("a file, its emoji as the text", _sticker),
        "rich_message": ("its text without the formatting", _rich),
        "paid_media": ("the price, and the image where it is seen", _paid_media),
        "poll": ("the question as the text, the options", _poll),
        "dice": ("the emoji as the text, the value", _dice),
        "venue": ("the title as the text, address and place", _venue),
        "location": ("the place", _location),
        "contact": ("name and number", _contact),
        "checklist": ("the title as the text, the tasks", _checklist),
        "checklist_tasks_done": ("the tasks' numbers", _tasks_done),
        "checklist_tasks_added": ("the tasks", lambda found: {"data": _data(tasks=_tasks(found))}),
        "game": ("the title as the text", _game),
        "story": ("that it is one", _nothing),
        "web_app_data": ("the button as the text, the data", _web_app_data),
        "gift": ("the greeting as the text, the gift", _gift),
        "unique_gift": ("the greeting as the text, the gift", _unique_gift),
        "gift_upgrade_sent": ("the greeting as the text, the gift", _gift),
        "users_shared": ("how many", _shared),
        "user_shared": ("that it is one", _shared),
        "chat_shared": ("that it is one", _shared),
        "passport_data": ("that it is there", _nothing),
    },
    {
        "recorded as premium_action": ("invoice", "successful_payment", "refunded_payment"),
        "Telegram's note of what happened in a group or channel": (
            "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title", "new_chat_photo",
            "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_to_chat_id",
            "migrate_from_chat_id", "pinned_message", "proximity_alert_triggered", "boost_added", "forum_topic_created",
            "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden",
            "general_forum_topic_unhidden", "giveaway_created", "giveaway", "giveaway_winners", "giveaway_completed",
            "poll_option_added", "poll_option_deleted", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
            "video_chat_participants_invited", "community_chat_added", "community_chat_removed", "community_chat_joined",
            "direct_message_price_changed", "paid_message_price_changed", "suggested_post_approved",
            "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded",
        ),
        "a mark of another content": ("has_media_spoiler",),
        "Telegram's note of a setting": (
            "message_auto_delete_timer_changed", "chat_background_set", "connected_website", "write_access_allowed",
            "managed_bot_created",
        ),
    },
)  # fmt: skip
_SENT = tuple((kind, rule.read) for kind, rule in CONTENTS.items() if rule.read is not None)


def fields_of(message: object) -> Fields | None:
    """Return the fields of a message's event; None for what nobody says: Telegram's notes, and contents that are newer."""
    text = get(message, "text")
    if text:
        formatting = entities(get(message, "entities"))
        return {"kind": "text", "text": text, "length": len(text)} | known(entities=formatting)
    said = next(((kind, read, found) for kind, read in _SENT if (found := get(message, kind))), None)
    if said is None:
        return None
    kind, read, found = said
    fields = {"kind": kind, **read(found)}
    caption = get(message, "caption")
    if caption:
        fields |= known(text=caption, entities=entities(get(message, "caption_entities")))
    if isinstance(fields.get("text"), str):
        fields["length"] = len(fields["text"])
    return fields
