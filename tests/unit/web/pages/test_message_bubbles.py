"""One message, one bubble: its edits, deletion and reactions are shown in it, in either order of the trail."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.trail_events import START, ZONE, event
from web.analytics.trail_models import TrailEvent, TrailImage
from web.pages.message_data import Fact, read_content
from web.pages.timeline import timeline
from web.pages.timeline_blocks import Badge, Bubble, Reference, Turn

STORED = TrailImage("stored", "/images/x", "/images/x", "image/png", 10, 10, "")


def blocks(events: Sequence[TrailEvent], *related: TrailEvent) -> list[Any]:
    return [block for day in timeline(events, ZONE, related) for block in day.blocks]


def bubbles(events: Sequence[TrailEvent], *related: TrailEvent) -> list[Bubble]:
    return [bubble for block in blocks(events, *related) if isinstance(block, Turn) for bubble in block.bubbles]


def edit(second: float, text: str, message_id: int, side: str = "bot", **more: Any) -> TrailEvent:
    update_id = more.pop("update_id", 0)
    return event(
        "message_edited", second, text=text, message_id=message_id, update_id=update_id, chattrail__side=side, **more
    )


@pytest.mark.parametrize("turned", [False, True])
def test_an_answer_that_is_streamed_by_edits_is_one_bubble(turned: bool) -> None:
    """As bots do: a placeholder, then the text in pieces; what the last edit brings is an AI answer or another edit."""
    spans: dict[str, Any] = {"chattrail__edit__count": "14", "chattrail__edit__span_ms": "2750"}
    events = [
        event("user_message", 0, text="tell me", message_id=6, update_id=9),
        event("bot_message", 1, text="…", message_id=7, update_id=9),
        event("ai_message", 5, text="Once upon", message_id=7, update_id=9, gen_ai__request__model="m-1", **spans),
        edit(8, "Once upon a time", 7, update_id=9, chattrail__edit__count="3"),
    ]
    asked, answer = sorted(bubbles(events[::-1] if turned else events), key=lambda bubble: bubble.at)
    assert (asked.text, asked.edits) == ("tell me", None)
    assert (answer.text, answer.model, answer.at) == ("Once upon a time", "m-1", START + timedelta(seconds=1))
    assert answer.edits is not None
    assert (answer.edits.count, answer.edits.at) == (17, START + timedelta(seconds=8))
    assert (answer.edits.first_text_ms, answer.edits.last_text_ms) == (2250, 8000)
    assert [version.text for version in answer.edits.earlier] == ["…", "Once upon"]
    assert answer.anchors == ["bot_message-1", "ai_message-5", "message_edited-8"]


def test_a_first_text_that_the_last_one_begins_with_was_no_placeholder() -> None:
    events = [event("bot_message", 1, text="Once…", message_id=7), edit(4, "Once upon", 7)]
    [answer] = bubbles(events)
    assert answer.edits is not None
    assert (answer.edits.first_text_ms, answer.edits.last_text_ms) == (0, 3000)


def test_what_is_changed_by_a_later_update_has_no_time_to_its_first_text() -> None:
    menu = [event("bot_message", 1, text="Menu", message_id=7, update_id=1), edit(90, "Page 2", 7, update_id=2)]
    [changed] = bubbles(menu)
    assert changed.edits is not None
    assert (changed.text, changed.edits.last_text_ms) == ("Page 2", None)


def test_a_draft_counts_as_edits_of_the_message_that_is_sent_at_last() -> None:
    sent = event("ai_message", 6, text="Hi", message_id=7, chattrail__edit__count="4", chattrail__edit__span_ms="1000")
    [answer] = bubbles([sent])
    assert answer.edits is not None
    assert (answer.edits.count, answer.edits.earlier) == (4, ())


def test_a_person_edits_and_the_other_sides_messages_stay() -> None:
    """Numbers of messages are one chat's of one bot's, and a business account has its own."""
    elsewhere: dict[str, Any] = {"telegram__business_connection__id": "b"}
    events = [
        event("user_message", 1, text="helo", message_id=7),
        event("user_message", 2, text="theirs", message_id=7, telegram__bot__id="43"),
        event("user_message", 3, text="business", message_id=7, **elsewhere),
        replace(event("user_message", 4, text="group", message_id=7), chat_id="-100"),
        edit(5, "hello", 7, "person"),
    ]
    assert [(bubble.text, bubble.edits is not None) for bubble in bubbles(events)] == [
        ("hello", True), ("theirs", False), ("business", False), ("group", False),
    ]  # fmt: skip


def test_an_edit_brings_an_image_or_a_caption() -> None:
    file: dict[str, Any] = {
        "chattrail__image__id": "i",
        "chattrail__image__file_id": "f",
        "chattrail__message__kind": "photo",
    }
    photo = replace(event("bot_message", 1, text="old", message_id=7, **file), image=STORED)
    other = TrailImage("stored", "/images/y", "/images/y", "image/png", 10, 10, "")
    [bubble] = bubbles([photo, replace(edit(2, "new", 7, **file), image=other)])
    assert (bubble.text, bubble.image, bubble.kind) == ("new", other, "photo")
    [bubble] = bubbles([photo, edit(2, "new", 7, chattrail__message__kind="photo")])
    assert (bubble.text, bubble.image) == ("new", STORED)


def test_what_happened_on_another_page_is_shown_in_the_bubble() -> None:
    message = event("bot_message", 1, text="old", message_id=7)
    later = [edit(500, "new", 7), event("reaction", 501, message_id=7, chattrail__reaction__emoji="👍")]
    [bubble] = bubbles([message], *later)
    assert (bubble.text, dict(bubble.reactions), bubble.anchors) == ("new", {"person": "👍"}, ["bot_message-1"])


def test_an_edit_whose_message_is_on_another_page_has_a_bubble_that_leads_there() -> None:
    message, later = event("bot_message", 1, text="old", message_id=7), edit(500, "new", 7)
    [bubble] = bubbles([later], message)
    assert (bubble.text, bubble.is_edit, bubble.edited) == ("new", True, Reference(message, message))
    [bubble] = bubbles([later])
    assert (bubble.text, bubble.is_edit, bubble.edited) == ("new", True, None)
    [turn] = blocks([edit(5, "mine", 8, "person")])
    assert turn.side == "person"
    inline = edit(5, "inline", 0)
    assert [each.text for each in bubbles([inline, edit(6, "another", 0)])] == ["inline", "another"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_deletion_and_reactions_of_both_sides(turned: bool) -> None:
    events = [
        event("bot_message", 1, text="gone", message_id=7),
        event("reaction", 2, message_id=7, chattrail__reaction__emoji="👍", chattrail__side="person"),
        event("reaction", 3, message_id=7, chattrail__reaction__emoji="🔥 custom:5", chattrail__side="bot"),
        event("reaction", 4, message_id=7, chattrail__reaction__emoji="❤", chattrail__side="person"),
        event("message_deleted", 5, message_id=7),
        event("user_message", 6, text="stays", message_id=8),
        event("reaction", 7, message_id=8, chattrail__reaction__emoji="👍", chattrail__side="bot"),
        event("reaction", 8, message_id=8, chattrail__side="bot"),
    ]
    gone, stays = sorted(bubbles(events[::-1] if turned else events), key=lambda bubble: bubble.at)
    assert (gone.text, gone.deleted_at) == ("gone", START + timedelta(seconds=5))
    assert gone.reactions == {"person": "❤", "bot": "🔥 custom:5"}
    assert (stays.deleted_at, stays.reactions) == (None, {})
    assert len(blocks(events)) == 2


def test_what_happens_to_an_unknown_message_is_a_line_and_one_on_another_page_has_a_link() -> None:
    deleted, reaction = event("message_deleted", 5, message_id=7), event("reaction", 6, message_id=7)
    message = event("bot_message", 1, text="before", message_id=7)
    unknown = blocks([deleted, reaction])
    assert [(type(block), block.about) for block in unknown] == [(Badge, None), (Badge, None)]
    assert [block.about.event for block in blocks([deleted, reaction], message)] == [message, message]


def test_a_reply_names_what_it_is_to() -> None:
    asked = event("user_message", 1, text="which?", message_id=7)
    answer = event("bot_message", 2, text="this", message_id=8, telegram__message__reply_to_id="7")
    [_, reply] = bubbles([asked, answer])
    assert (reply.replies, reply.replied) == (True, Reference(asked, asked, "person"))
    changed = edit(9, "which one?", 7, "person")
    [reply] = bubbles([answer], asked, changed)
    assert reply.replied == Reference(asked, changed, "person")
    [reply] = bubbles([answer])
    assert (reply.replies, reply.replied) == (True, None)
    [odd] = bubbles([replace(answer, attributes={"telegram.message.reply_to_id": "-7x"})])
    assert (odd.replies, odd.replied) == (False, None)


@pytest.mark.parametrize("turned", [False, True])
def test_an_album_is_one_bubble(turned: bool) -> None:
    group: dict[str, Any] = {"telegram__message__media_group_id": "g", "chattrail__image__id": "i"}
    events = [
        event("user_message", 1 + n / 10, text=text, message_id=n, **group) for n, text in ((7, "a"), (8, ""), (9, "c"))
    ]
    other = event("bot_message", 2, text="b", message_id=10, **group)
    album, others = sorted(
        bubbles([*events, other][:: -1 if turned else 1]), key=lambda bubble: bubble.type, reverse=True
    )
    assert [each.text for each in album.items] == ["a", "", "c"]
    assert (others.text, others.items) == ("b", [others])
    [partly] = bubbles([*events, event("message_deleted", 3, message_id=8)])
    assert [each.deleted_at is not None for each in partly.items] == [False, True, False]
    assert not partly.is_deleted
    [turn] = [block for block in blocks(events) if isinstance(block, Turn)]
    assert sorted(turn.anchors) == sorted(each.id for each in events)


def test_the_person_s_vote_marks_the_options_of_the_poll() -> None:
    data = json.dumps({"id": "5", "type": "quiz", "options": ["Red", "Green", "Blue"]})
    poll = event(
        "bot_message", 1, text="Which?", message_id=7, chattrail__message__kind="poll", chattrail__message__data=data
    )
    vote = event(
        "poll", 2, text="Blue", chattrail__poll__action="voted", chattrail__poll__id="5", chattrail__poll__options="0 2"
    )
    back = event("poll", 3, chattrail__poll__action="retracted", chattrail__poll__id="5")
    [bubble] = bubbles([poll, vote])
    assert bubble.content.options == ("Red", "Green", "Blue")
    assert bubble.votes == {0, 2}
    assert bubbles([poll, vote, back])[0].votes == frozenset()
    assert [block.words for block in blocks([vote, back])] == ["event.poll_voted", "event.poll_retracted"]


@pytest.mark.parametrize(
    ("kind", "data", "attributes", "found"),
    [
        ("dice", {"value": 6}, {"chattrail.message.text": "🎯"}, {"big": "🎯", "facts": (Fact(6, "number"),)}),
        ("sticker", {"set": "cats"}, {"chattrail.message.text": "🐈"}, {"big": "🐈"}),
        ("sticker", {}, {}, {"big": "◻"}),
        (
            "contact", {"phone_number": "+1", "first_name": "Ann", "last_name": "Lee"}, {},
            {"title": "Ann Lee", "facts": (Fact("+1"),)},
        ),
        ("location", {"latitude": 52.5, "longitude": 13.4}, {}, {"place": (52.5, 13.4)}),
        ("location", {"latitude": 520, "longitude": 13.4}, {}, {"place": None}),
        ("venue", {"address": "Pier 1", "latitude": 1, "longitude": 2}, {}, {"facts": (Fact("Pier 1"),), "place": (1, 2)}),
        ("gift", {"star_count": 15, "emoji": "🎁"}, {}, {"title": "🎁", "facts": (Fact(15, "stars"),)}),
        ("poll", {"options": [None, {"text": "b"}]}, {}, {"options": ("", "b")}),
        ("checklist", {"tasks": ["milk", "bread"]}, {}, {"options": ("milk", "bread")}),
        ("web_app_data", {"data": "x=1"}, {}, {"facts": (Fact("x=1"),)}),
        (
            "voice", {}, {"chattrail.file.duration_s": "3.5", "chattrail.file.size": "4800", "chattrail.file.name": "a.ogg"},
            {"title": "a.ogg", "file": (Fact(3500, "duration"), Fact(4800, "size"))},
        ),
        ("made_up", {"a": 1, "b": [1, "two"], "c": {}, "d": None}, {}, {"facts": (Fact("a: 1"), Fact("b: 1, two"))}),
    ],
)  # fmt: skip
def test_the_content_of_each_kind(kind: str, data: object, attributes: dict[str, str], found: dict[str, Any]) -> None:
    content = read_content(kind, {"chattrail.message.data": json.dumps(data), **attributes})
    assert {name: getattr(content, name) for name in found} == found


@pytest.mark.parametrize(
    "kind", ["poll", "dice", "contact", "location", "venue", "gift", "sticker", "voice", "made_up"]
)
@pytest.mark.parametrize(
    "data",
    [
        "",
        "x",
        "[]",
        "null",
        "[" * 100_000,
        '{"options": {}}',
        '{"options": [1, null, []]}',
        '{"latitude": NaN, "longitude": 1}',
    ],
)
def test_content_that_cannot_be_read_is_left_out(kind: str, data: str) -> None:
    content = read_content(kind, {"chattrail.message.data": data})
    assert (content.options, content.place) == ((), None)
