"""What people send is text: payloads in every field execute nothing, load nothing, and do not break the page."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from chattrail import events
from chattrail.context import Chat, Person
from tests.browser.accessibility import sticks_out
from tests.browser.conftest import NARROW, WIDE, OpenPage
from tests.browser.stack import Stack, wait_until
from tests.support.markup_payloads import PAYLOADS

INSERTED = (
    "script", "iframe", "form", "meta", "base", "link", "style", "video", "marquee", "input", "template", "math",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(stack: Stack) -> list[int]:
    """People, one a payload, who say it in every field there is. The ids."""
    start = datetime.now(UTC) - timedelta(minutes=90)
    numbers: list[int] = []
    said: list[tuple[events.Event, dict[str, object]]] = []
    for offset, payload in enumerate(PAYLOADS):
        number = 700_000 + offset
        numbers.append(number)
        person = Person(number, payload[:60], payload, "en")
        sent = (
            events.StartCommand(payload=payload),
            events.PersonaSelected(persona_id=payload[:60], name=payload),
            events.StorySelected(story_id=payload[:60], name=payload),
            events.UserMessage(text=payload),
            events.UserMessage(text=payload, kind=payload[:30]),
            events.AiMessage(text=payload, request_model=payload),
            events.AiMessage(error_type=payload, request_model=payload),
            events.ImageGenerated(image_id=payload[:60], prompt=payload),
            events.ImageGenerated(prompt=payload, error_type=payload),
            events.Command(name=payload),
            events.PremiumAction(action=payload[:40], plan=payload, amount=1, currency=payload[:10]),
            events.HandlerFailed(error_type=payload, message=payload, handler=payload),
        )
        said += [
            (
                each,
                {
                    "user": person,
                    "chat": Chat(number),
                    "timestamp": start + timedelta(seconds=7 * index + offset),
                    "persona_id": payload[:60],
                    "story_id": payload[:60],
                },
            )
            for index, each in enumerate(sent)
        ]
    stack.send(*said)
    return numbers


def test_payloads_stay_text_on_the_lists(hostile: list[int], open_page: OpenPage) -> None:
    watched = open_page()
    for path in (
        "/analytics",
        "/analytics/live",
        "/analytics/users?limit=200",
        "/analytics/users?sort=name&order=asc&limit=200",
    ):
        page = watched.go(path)
        assert sticks_out(page) <= 0
        assert page.evaluate("window.hit") is None
    assert page.locator("tr", has_text="onerror").count()
    for payload in PAYLOADS[:8]:
        watched.go(f"/analytics/users?q={quote(payload)}")
        assert page.evaluate("window.hit") is None
    watched.check()


def test_payloads_stay_text_where_they_are_found(hostile: list[int], open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/search?q=hit&limit=200")
    wait_until(lambda: len(page.request.get("/api/analytics/search?q=hit&limit=200").json()["texts"]) > 60)
    page.reload()
    assert page.locator(".found mark").count() > 60
    page.locator(".found-open").first.click()
    expect(page.locator(".found-here")).to_be_visible()
    assert page.locator("#found").locator(", ".join(INSERTED)).count() == 0
    assert page.evaluate("window.hit") is None
    for payload in PAYLOADS:
        watched.go(f"/analytics/search?q={quote(payload[:100].strip().replace(chr(0), ''), errors='replace')}")
        assert page.evaluate("window.hit") is None, payload
        assert sticks_out(page) <= 0, payload
    watched.check()


def test_payloads_stay_text_in_the_trails(hostile: list[int], open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    for number, payload in zip(hostile, PAYLOADS, strict=True):
        watched.go(f"/analytics/users/{number}")
        page.locator("details.failure").evaluate_all("all => all.forEach((each) => { each.open = true })")
        assert page.evaluate("window.hit") is None, payload
        for size in (WIDE, NARROW):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            assert sticks_out(page) <= 0, payload
        assert page.locator(".bubble").count() == 4, payload
        inserted = page.locator(".trail").locator(", ".join(INSERTED))
        assert inserted.count() == 0, payload
        schemes = page.locator("main a").evaluate_all("links => links.map(link => link.protocol)")
        assert set(schemes) <= {"http:", "https:"}, payload
    watched.check()


def test_links_go_out_with_nothing_of_ours(hostile: list[int], stack: Stack, open_page: OpenPage) -> None:
    person = Person(790_000, None, "Linker", "en")
    text = "see https://example.org/a_(b)?q=1&r=2, or http://example.org. ftp://example.org is none"
    stack.send((events.UserMessage(text=text), {"user": person, "chat": Chat(790_000)}))
    page = open_page().go("/analytics/users/790000")
    links = page.locator(".bubble-text a")
    expect(links).to_have_count(2)
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://example.org/a_(b)?q=1&r=2",
        "http://example.org",
    ]
    assert page.locator(".bubble-text").inner_text() == text
    for link in links.all():
        assert {"noopener", "noreferrer", "nofollow"} <= set((link.get_attribute("rel") or "").split())


def test_payloads_stay_text_without_scripts(hostile: list[int], open_page: OpenPage) -> None:
    watched = open_page(scripts=False)
    for number in hostile[::4]:
        watched.go(f"/analytics/users/{number}")
    watched.go("/analytics/users?limit=200")
    assert not watched.faults_but()
