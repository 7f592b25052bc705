"""What is kept of each kind of message, on both sides."""

import json
from typing import Any

import pytest

from tests.unit.chattrail.botapi.conftest import ANN, GROUP, HOME, Desk, objects

FILE = {"file_id": "f", "file_unique_id": "u"}
POINT = {"latitude": 1.5, "longitude": 2.5}
SIZES = [{"file_id": f"s{n}", "file_unique_id": f"u{n}", "width": n, "height": n} for n in (90, 800, 320)]
GIFT = {"id": "g1", "star_count": 15, "sticker": {"emoji": "🎁"}}
TASKS = [{"id": 1, "text": "milk"}, {"id": 2, "text": "eggs"}]
RICH = {"blocks": [{"type": "heading", "text": ["Plan ", {"type": "bold", "text": "B"}], "size": 1},
                   {"type": "list", "items": [{"label": "1", "blocks": [{"type": "paragraph", "text": "one"}]}]},
                   {"type": "table", "cells": [[{"text": "a"}, {"text": "b"}]]}]}  # fmt: skip
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"text": "hi"}, {"kind": "text", "text": "hi", "length": 2}),
    ({"photo": SIZES, "caption": "look"}, {"kind": "photo", "text": "look", "image.id": "u800", "image.file_id": "s800"}),
    ({"live_photo": FILE | {"duration": 3, "photo": SIZES}, "photo": SIZES},
     {"kind": "live_photo", "file.id": "f", "image.id": "u800"}),
    ({"sticker": FILE | {"emoji": "👍", "set_name": "s"}}, {"kind": "sticker", "text": "👍", "file.id": "f",
                                                         "data": {"set": "s"}}),
    ({"voice": FILE | {"duration": 3, "mime_type": "audio/ogg", "file_size": 900}},
     {"kind": "voice", "file.duration_s": 3.0, "file.content_type": "audio/ogg", "file.size": 900}),
    ({"video_note": FILE | {"duration": 3, "length": 240}}, {"kind": "video_note", "file.unique_id": "u"}),
    ({"video": FILE | {"duration": 3}}, {"kind": "video", "file.id": "f"}),
    ({"audio": FILE | {"duration": 3, "file_name": "a.mp3"}}, {"kind": "audio", "file.name": "a.mp3"}),
    ({"document": FILE | {"file_name": "tax.pdf"}, "caption": "here"},
     {"kind": "document", "text": "here", "file.name": "tax.pdf", "file.unique_id": "u"}),
    ({"animation": FILE, "document": FILE}, {"kind": "animation", "file.id": "f"}),
    ({"dice": {"emoji": "🎲", "value": 3}}, {"kind": "dice", "text": "🎲", "data": {"value": 3}}),
    ({"poll": {"id": "7", "question": "Q?", "type": "quiz", "options": [{"text": "a"}]}},
     {"kind": "poll", "text": "Q?", "data": {"id": "7", "type": "quiz", "options": ["a"]}}),
    ({"contact": {"phone_number": "555", "first_name": "B", "user_id": 9}},
     {"kind": "contact", "data": {"phone_number": "555", "first_name": "B"}}),
    ({"location": POINT}, {"kind": "location", "data": POINT}),
    ({"venue": {"title": "Cafe", "address": "1 St", "location": POINT}, "location": POINT},
     {"kind": "venue", "text": "Cafe", "data": {"address": "1 St", **POINT}}),
    ({"paid_media": {"star_count": 5, "paid_media": [{"type": "photo", "photo": SIZES}, {"type": "preview"}]}},
     {"kind": "paid_media", "image.id": "u800", "data": {"star_count": 5, "media": ["photo", "preview"]}}),
    ({"checklist": {"title": "Shop", "tasks": TASKS}}, {"kind": "checklist", "text": "Shop",
                                                        "data": {"tasks": ["milk", "eggs"]}}),
    ({"checklist_tasks_done": {"marked_as_done_task_ids": [2]}}, {"kind": "checklist_tasks_done",
                                                                  "data": {"done": [2], "not_done": []}}),
    ({"checklist_tasks_added": {"tasks": TASKS}}, {"kind": "checklist_tasks_added", "data": {"tasks": ["milk", "eggs"]}}),
    ({"gift": {"gift": GIFT, "text": "for you"}}, {"kind": "gift", "text": "for you",
                                                   "data": {"id": "g1", "star_count": 15, "emoji": "🎁"}}),
    ({"unique_gift": {"gift": {"name": "n", "number": 3}, "origin": "transfer"}},
     {"kind": "unique_gift", "data": {"name": "n", "number": 3, "origin": "transfer"}}),
    ({"web_app_data": {"data": "{}", "button_text": "Order"}}, {"kind": "web_app_data", "text": "Order", "data": {"data": "{}"}}),
    ({"users_shared": {"request_id": 1, "users": [{"user_id": 5}]}}, {"kind": "users_shared",
                                                                      "data": {"request_id": 1, "count": 1}}),
    ({"game": {"title": "Chess", "description": "d"}}, {"kind": "game", "text": "Chess", "data": {"description": "d"}}),
    ({"story": {"id": 1, "chat": HOME}}, {"kind": "story"}),
    ({"rich_message": RICH}, {"kind": "rich_message", "text": "Plan B\none\na b", "length": 14}),
]  # fmt: skip


def kept(event: dict[str, Any]) -> dict[str, Any]:
    found = {name.removeprefix("chattrail."): value for name, value in event.items() if name.startswith("chattrail.")}
    fields = {name.removeprefix("message."): value for name, value in found.items()}
    return fields | ({"data": json.loads(fields["data"])} if "data" in fields else {})


@pytest.mark.parametrize("form", [dict, objects])
def test_contents_on_both_sides(desk: Desk, form: Any) -> None:
    for content, _ in CASES:
        desk.receive("message", form(desk.message(**content, **{"from": ANN})))
        desk.call("forwardMessage", form(desk.message(**content)), chat_id=1001)
    events = desk.events
    assert desk.said("user.id") == [("user_message", "1001"), ("bot_message", "1001")] * len(CASES)
    for number, (_, expected) in enumerate(CASES):
        for event in events[2 * number : 2 * number + 2]:
            found = kept(event)
            assert {name: found.get(name) for name in expected} == expected


def test_formatting_is_kept_without_anyones_id(desk: Desk) -> None:
    entities = [
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "text_link", "offset": 3, "length": 1, "url": "https://a.example"},
        {"type": "text_mention", "offset": 3, "length": 1, "user": {"id": 1002, "first_name": "Bob"}},
    ]
    desk.receive("message", desk.message(text="hi B", entities=entities, **{"from": ANN}))
    desk.call("sendPhoto", desk.message(photo=SIZES, caption="hi B", caption_entities=objects(entities)), chat_id=1001)
    expected = (
        '[{"type":"bold","offset":0,"length":2},{"type":"text_link","offset":3,"length":1,"url":"https://a.example"},'
        '{"type":"text_mention","offset":3,"length":1}]'
    )
    assert [event["chattrail.message.entities"] for event in desk.events] == [expected] * 2


@pytest.mark.parametrize(
    ("caption", "command", "said"),
    [("/edit@my_bot  blue ", "command", "blue"), ("/start ad", "start_command", "ad"), ("/edit@other_bot", None, None)],
)
def test_a_command_under_a_photo_is_both(desk: Desk, caption: str, command: str | None, said: str | None) -> None:
    for _ in range(2):  # delivered again
        desk.receive("message", desk.message(photo=SIZES, caption=caption, **{"from": ANN}))
        desk.update_id -= 1
    photo = ("user_message", "u800", caption if command is None else None, None)
    both = [photo] if command is None else [photo, (command, None, None, said)]
    assert [
        (line[0], line[1], line[2], line[3] or line[4])
        for line in desk.said("image.id", "text", "command.arguments", "start.payload")
    ] == both * 2
    ids = [event["event.id"] for event in desk.events]
    assert ids[: len(both)] == ids[len(both) :]
    assert len(set(ids)) == len(both)


def test_where_a_message_stands(desk: Desk) -> None:
    first = desk.message(chat=GROUP, forum_topic_created={"name": "t"})
    thread = {"message_thread_id": first["message_id"]}
    in_topic = desk.message(text="a", chat=GROUP, reply_to_message=first, **thread, **{"from": ANN})
    answer = desk.message(text="b", chat=GROUP, reply_to_message=in_topic, **thread, **{"from": ANN})
    album = desk.message(photo=SIZES, media_group_id="9", business_connection_id="bc", **{"from": ANN})
    for message in (in_topic, answer, album):
        desk.receive("message", message)
    desk.call("sendMessage", desk.message(text="c", chat=GROUP, reply_to_message=in_topic, **thread), chat_id=-100)
    assert desk.said("thread_id", "reply_to_id", "media_group_id", "business_connection.id") == [
        ("user_message", first["message_id"], None, None, None),
        ("user_message", first["message_id"], in_topic["message_id"], None, None),
        ("user_message", None, None, "9", "bc"),
        ("chattrail_chat.bot_message", first["message_id"], in_topic["message_id"], None, None),
    ]


@pytest.mark.parametrize(
    "note", ["pinned_message", "new_chat_title", "message_auto_delete_timer_changed", "of_next_year"]
)
def test_telegrams_notes_are_nobodys_message(desk: Desk, note: str) -> None:
    desk.receive("message", desk.message(**{"from": ANN}) | {note: {"x": 1}})
    assert desk.events == []
