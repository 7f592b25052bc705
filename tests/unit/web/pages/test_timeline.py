"""A trail's events become turns, badges and failures; texts become words and safe links."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trail_events import ZONE, event
from web.analytics.trail_models import Session, TrailImage
from web.pages.safe_text import clean, hue, initial, segments
from web.pages.timeline import timeline
from web.pages.timeline_blocks import Badge, Failure, Turn

ADDRESSES = (
    "https://a.example/b",
    "http://c.example",
    "javascript:alert",
    "data:text/html,x",
    "ftp://d.example",
    "//e",
)
STORED = TrailImage("stored", "/images/x", "/images/x", "image/png", 10, 10, "")


def test_consecutive_messages_of_a_side_join_within_a_minute() -> None:
    events = [event("user_message", 1), event("user_message", 9), event("ai_message", 20), event("user_message", 61)]
    [day] = timeline(events, ZONE)
    turns = [block for block in day.blocks if isinstance(block, Turn)]
    assert [(turn.side, len(turn.bubbles)) for turn in turns] == [("person", 2), ("bot", 1), ("person", 1)]


def test_a_session_has_a_line_where_it_begins() -> None:
    events = [
        replace(event("user_message", second), session_id=name) for second, name in ((1, "a"), (2, "a"), (9, "b"))
    ]
    sessions = {"a": Session(events[0].at, 1000.0), "b": Session(events[1].at, 7000.0)}  # b began before, elsewhere
    [day] = timeline(events, ZONE, sessions=sessions)
    assert [block.form for block in day.blocks] == ["session", "turn"]


def test_a_badge_separates_messages() -> None:
    [day] = timeline([event("user_message", 1), event("command", 2), event("user_message", 3)], ZONE)
    assert [block.form for block in day.blocks] == ["turn", "badge", "turn"]


def test_days_are_those_of_the_zone_and_keep_the_order() -> None:
    events = [event("user_message", second) for second in (0, 60, 180)]
    assert [day.date.isoformat() for day in timeline(events, ZONE)] == ["2026-11-22", "2026-11-23"]
    assert [day.date.isoformat() for day in timeline(reversed(events), ZONE)] == ["2026-11-23", "2026-11-22"]


@pytest.mark.parametrize("turned", [False, True])
def test_an_image_and_its_caption_share_a_bubble(turned: bool) -> None:
    made = replace(event("image_generated", 1, message_id=7, chattrail__image__prompt="a pier"), image=STORED)
    events = [
        made,
        event("ai_message", 2, text="Look", message_id=7),
        event("ai_message", 3, text="More", message_id=8),
    ]
    [day] = timeline(reversed(events) if turned else events, ZONE)
    [turn] = day.blocks
    assert isinstance(turn, Turn)
    shared = next(bubble for bubble in turn.bubbles if bubble.has_image)
    assert (shared.text, shared.image, shared.prompt) == ("Look", STORED, "a pier")
    assert sorted(shared.anchors) == ["ai_message-2", "image_generated-1"]
    assert len(turn.bubbles) == 2


def test_two_images_of_one_message_have_two_bubbles() -> None:
    events = [event("image_generated", 1, message_id=7), event("image_generated", 2, message_id=7)]
    [day] = timeline(events, ZONE)
    [turn] = day.blocks
    assert isinstance(turn, Turn)
    assert len(turn.bubbles) == 2


@pytest.mark.parametrize("type_", ["ai_message", "image_generated", "handler_failed", "made_up"])
def test_what_failed_is_a_failure(type_: str) -> None:
    [day] = timeline([replace(event(type_), error="timeout")], ZONE)
    [block] = day.blocks
    assert isinstance(block, Failure)
    assert ("error", "timeout") in block.details


def test_an_unknown_type_shows_its_name() -> None:
    [day] = timeline([event("made_up")], ZONE)
    [block] = day.blocks
    assert isinstance(block, Badge)
    assert (block.words, block.subject) == ("event.unknown", "made_up")


@given(st.lists(st.sampled_from(ADDRESSES) | st.text(), max_size=8).map(" ".join))
def test_segments_lose_nothing_and_link_only_the_web(text: str) -> None:
    parts = list(segments(text))
    assert "".join(part.text for part in parts) == clean(text)
    links = [part.href for part in parts if part.href is not None]
    assert all(link.lower().startswith(("http://", "https://")) for link in links)
    assert len(links) >= sum(text.split(" ").count(address) for address in ADDRESSES[:2])


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example/x?q=1.", ["https://a.example/x?q=1"]),
        ("(http://a.example)", ["http://a.example"]),
        ("javascript:alert(1) data:text/html,x ftp://x", []),
        ("https://", []),
        ('https://a.example/"onclick="x', ["https://a.example/"]),
        ("HTTPS://A.EXAMPLE", ["HTTPS://A.EXAMPLE"]),
        ("https://a.example/\u202egnp", ["https://a.example/"]),
    ],
)
def test_links(text: str, links: list[str]) -> None:
    assert [part.href for part in segments(text) if part.href] == links


@given(st.text(alphabet=st.characters()))
def test_clean_text_can_always_be_sent(text: str) -> None:
    clean(text).encode()


def test_control_characters_become_visible_and_lines_stay() -> None:
    assert clean("a\x00b\ud800c\nd\te") == "a\ufffdb\ufffdc\nd\te"


def test_initials_and_colours() -> None:
    assert [initial(name) for name in ("Ann", "  мия", "👋 Bo", "…", "")] == ["A", "м", "B", "·", "·"]
    assert hue("42") == 1
    assert {hue(str(number)) for number in range(200)} == set(range(1, 9))
