"""A person's trail: two sides, badges, images, failures, days and pages."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chattrail import events
from chattrail.context import Chat, Person
from tests.browser.conftest import NARROW, OpenPage
from tests.browser.population import drawn_image
from tests.browser.stack import Stack

ROOM = itertools.count(900_000)


@pytest.fixture
def person(stack: Stack) -> Person:
    """Somebody new."""
    number = next(ROOM)
    return Person(number, f"trail{number}", f"Trail {number}", "en")


def tell(
    stack: Stack, person: Person, start: datetime, *sent: tuple[events.Event, float] | tuple[events.Event, float, int]
) -> None:
    """Send events of a person: each with its seconds after the start, and the id of its message where that matters."""

    def place(second: float, message_id: int | None) -> dict[str, Any]:
        at = start + timedelta(seconds=second)
        return {"user": person, "chat": Chat(int(person.id)), "timestamp": at, "message_id": message_id}

    stack.send(*((each[0], place(each[1], each[2] if len(each) > 2 else None)) for each in sent))


def order(page: Page) -> list[str]:
    """The texts of the bubbles from top to bottom."""
    return page.locator(".bubble-text").all_inner_texts()


def side(page: Page, text: str) -> str:
    """Which half of the trail a bubble leans to."""
    trail, bubble = page.locator(".trail").bounding_box(), page.locator(".bubble", has_text=text).bounding_box()
    assert trail is not None
    assert bubble is not None
    left, right = bubble["x"] - trail["x"], trail["x"] + trail["width"] - bubble["x"] - bubble["width"]
    return "left" if left < right else "right"


def test_every_kind_of_event_has_its_form(stack: Stack, person: Person, open_page: OpenPage) -> None:
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=30)
    tell(
        stack, person, start,
        (events.StartCommand(payload="autumn_ad"), 0),
        (events.PersonaSelected(persona_id="luna", name="Luna"), 60),
        (events.StorySelected(story_id="train", name="Night train"), 120),
        (events.UserMessage(text="Good evening"), 180),
        (events.UserMessage(text="Is the train late?"), 185),
        (events.AiMessage(text="It is always late.", duration_ms=1234.5, request_model="m-1"), 190),
        (events.UserMessage(kind="voice"), 300),
        (events.UserMessage(kind="button", text="A picture, please"), 350),
        (events.ImageGenerated(image_id="i1", data=image_bytes(), prompt="a train at night"), 360, 71),
        (events.AiMessage(text="Look, here it comes."), 360, 71),
        (events.ImageRefresh(image_id="i1"), 420),
        (events.ImageGenerated(prompt="no", error_type="content_policy"), 430),
        (events.AiMessage(error_type="timeout", request_model="m-1"), 480),
        (events.Command(name="premium"), 540),
        (events.PremiumAction(action="offered", plan="month", amount=250, currency="XTR"), 541),
        (events.PremiumAction(action="paid", plan="month", amount=250, currency="XTR", charge_id="c1"), 600),
        (events.ChatCleared(messages=1), 660),
        (events.ChatContinued(idle_s=4320), 720),
        (events.HandlerFailed(error_type="KeyError", message="'scene'", handler="bot.handlers.image"), 780),
        (events.BotBlocked(), 840),
        (events.BotUnblocked(), 900),
    )  # fmt: skip
    watched = open_page()
    page = watched.go(f"/analytics/users/{person.id}?order=asc")
    assert order(page) == ["Good evening", "Is the train late?", "It is always late.", "Look, here it comes."]
    assert (side(page, "Is the train late?"), side(page, "It is always late.")) == ("right", "left")
    assert page.locator(".turn").first.locator(".bubble").count() == 2
    badges = [" ".join(text.split()) for text in page.locator(".badge-words").all_inner_texts()]
    for expected in (
        "Started the bot · link autumn_ad", "Chose the persona Luna", "Chose the story Night train", "Asked for another picture",
        "Command /premium", "Was offered premium month · 250 ★", "Paid month · 250 ★", "Cleared the chat · 1 message",
        "Came back to the chat · after 1 h 12 min", "Blocked the bot", "Unblocked the bot",
    ):  # fmt: skip
        assert expected in [badge.replace("\xa0", " ") for badge in badges]
    expect(page.locator(".bubble-kind")).to_have_text(["Voice message", "Button:A picture, please"])
    expect(page.locator("details.failure")).to_have_count(3)
    failure = page.locator("details.failure", has_text="The bot failed")
    expect(failure.get_by_text("bot.handlers.image")).not_to_be_visible()
    failure.locator("summary").click()
    expect(failure.get_by_text("bot.handlers.image")).to_be_visible()
    watched.check()


def test_an_image_stands_in_its_bubble(stack: Stack, person: Person, open_page: OpenPage) -> None:
    tell(
        stack, person, datetime.now(UTC) - timedelta(minutes=3),
        (events.ImageGenerated(image_id="p", data=image_bytes(), prompt="a pier"), 0, 5),
        (events.AiMessage(text="The pier, as promised."), 1, 5),
        (events.ImageGenerated(image_id="gone", url="https://192.0.2.1/never.png", prompt="nowhere"), 2, 6),
    )  # fmt: skip
    watched = open_page()
    page = watched.go(f"/analytics/users/{person.id}")
    image = page.locator(".turn-bot .bubble", has_text="The pier, as promised.").locator("img")
    # The archiver works on its own time, and the page asks for news by itself: no reload here.
    expect(image).to_be_visible()
    expect(page.locator(".bubble img")).to_have_count(1)
    expect(image).to_have_js_property("naturalWidth", 384, timeout=30_000)
    assert image.get_attribute("alt") == "a pier"
    expect(page.locator("[data-image=failed]")).to_be_visible()
    watched.check()


def test_pages_hold_every_event_once_without_scripts(stack: Stack, person: Person, open_page: OpenPage) -> None:
    start = datetime.now(UTC) - timedelta(days=3)
    words = [f"word {number:02}" for number in range(70)]
    tell(stack, person, start, *((events.UserMessage(text=word), n * 3600.0) for n, word in enumerate(words)))
    watched = open_page(size=NARROW, scripts=False)
    page = watched.go(f"/analytics/users/{person.id}?limit=30")
    assert page.locator(".day-name").count() >= 2
    seen = order(page)
    for begin in (10, 0):
        page.get_by_role("link", name="Older events").click()
        expect(page.locator(".bubble-text").first).to_have_text(words[begin])
        seen = order(page) + seen
    assert seen == words
    expect(page.get_by_text("The trail begins here.")).to_be_visible()
    page.get_by_role("link", name="Newer events").click()
    expect(page.locator(".bubble-text").first).to_have_text(words[10])
    page.go_back()
    expect(page.locator(".bubble-text").first).to_have_text(words[0])


def test_facts_fold_on_a_phone(open_page: OpenPage) -> None:
    page = open_page(size=NARROW).go("/analytics/users/10119")
    expect(page.get_by_text("Last seen")).not_to_be_visible()
    page.locator(".facts-panel summary").click()
    expect(page.get_by_text("Last seen")).to_be_visible()
    wide = open_page().go("/analytics/users/10119")
    expect(wide.get_by_text("Last seen")).to_be_visible()


def test_facts_name_persona_and_language(stack: Stack, person: Person, open_page: OpenPage) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    tell(stack, person, start, (events.PersonaSelected(persona_id="luna", name="Luna"), 0), (events.UserMessage(), 1))
    stack.send(
        (events.UserMessage(text="hi"), {"user": person, "chat": Chat(int(person.id)), "persona_id": "night_owl"}),
    )  # fmt: skip
    page = open_page(language="ru-RU").go(f"/analytics/users/{person.id}")
    facts = page.locator(".facts-panel")
    expect(facts).to_contain_text("Английский (en)")
    expect(facts).to_contain_text("Night owl")
    named = open_page().go("/analytics/users/10119")
    expect(named.locator(".facts-panel")).not_to_contain_text("captain")


def image_bytes() -> bytes:
    """An image, the same one each time."""
    import random

    return drawn_image(random.Random(1))
