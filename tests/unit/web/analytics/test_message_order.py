"""Messages of one time stand as their chat numbers them."""

from dataclasses import replace

import pytest

from tests.support.trail_events import event
from web.analytics.message_order import in_message_order
from web.analytics.queries import Order
from web.analytics.trail_models import TrailEvent


def numbers(events: list[TrailEvent], order: Order = "asc") -> list[int]:
    return [one.message_id for one in in_message_order(events, order)]


def test_a_response_that_comes_late_is_no_later_message() -> None:
    events = [event("command", message_id=5), event("bot_message", message_id=4), event("bot_message", message_id=6)]
    assert numbers(events) == [4, 5, 6]
    assert numbers(events[::-1], "desc") == [6, 5, 4]


def test_time_comes_before_the_number() -> None:
    assert numbers([event("bot_message", 0, message_id=9), event("user_message", 1, message_id=2)]) == [9, 2]


@pytest.mark.parametrize(
    "other",
    [
        event("user_message", message_id=1, chattrail__message__kind="button"),
        event("bot_message", message_id=1, chattrail__message__kind="alert"),
        event("message_edited", message_id=1),
        event("reaction", message_id=1),
        event("custom", message_id=1),
        event("premium_action", message_id=1, chattrail__premium__action="offered"),
        event("bot_message"),
    ],
    ids=lambda one: f"{one.type} {one.attributes} {one.message_id}",
)
def test_what_is_about_another_message_stays_in_its_place(other: TrailEvent) -> None:
    found = in_message_order([event("user_message", message_id=3), other, event("ai_message", message_id=2)], "asc")
    assert [one.message_id for one in found] == [2, other.message_id, 3]


def test_payments_are_messages() -> None:
    paid = event("premium_action", message_id=4, chattrail__premium__action="paid")
    assert numbers([event("user_message", message_id=5), paid]) == [4, 5]


@pytest.mark.parametrize(
    "elsewhere",
    [
        event("bot_message", message_id=4, telegram__bot__id="2"),
        event("bot_message", message_id=4, telegram__business_connection__id="b"),
        replace(event("bot_message", message_id=4), chat_id="2"),
    ],
)
def test_numbers_of_another_chat_say_nothing(elsewhere: TrailEvent) -> None:
    assert numbers([event("user_message", message_id=5), elsewhere]) == [5, 4]


def test_an_image_comes_before_its_caption_in_either_order() -> None:
    image, caption = event("image_generated", message_id=7), event("bot_message", message_id=7)
    assert [one.type for one in in_message_order([image, caption], "asc")] == ["image_generated", "bot_message"]
    assert [one.type for one in in_message_order([caption, image], "desc")] == ["bot_message", "image_generated"]
