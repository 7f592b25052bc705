"""A trail as a chat: it opens at its end, loads what lies around it, leads to a day, a text or an event, and follows the talk."""

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chattrail import events
from chattrail.context import Chat, Person
from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage
from tests.browser.stack import Stack

ROOM = itertools.count(970_000)
LIVE = re.compile(r"(^| )live( |$)")
LONG = 700
DAYS = 10
# where a bubble that is seen stands, by its id
SEEN = """() => {
  const top = document.getElementById("chat").getBoundingClientRect().top;
  const seen = [...document.querySelectorAll(".bubble")].find((each) => each.getBoundingClientRect().top > top + 60);
  return [seen.id, seen.getBoundingClientRect().top];
}"""
PLACE_OF = "id => document.getElementById(id).getBoundingClientRect().top"


def somebody() -> Person:
    number = next(ROOM)
    return Person(number, f"chat{number}", f"Chat {number}", "en")


def place(person: Person, at: datetime, number: int | None = None) -> dict[str, Any]:
    return {"user": person, "chat": Chat(int(person.id)), "timestamp": at, "message_id": number}


@pytest.fixture(scope="module")
def long_chat(stack: Stack) -> Person:
    """Somebody with ten days of talk."""
    person, end = somebody(), datetime.now(UTC) - timedelta(hours=2)
    step = timedelta(days=DAYS) / LONG
    stack.send(
        *(
            (events.UserMessage(text=f"word {n:03}"), place(person, end - step * (LONG - 1 - n), n + 1))
            for n in range(LONG)
        )
    )
    return person


def texts(page: Page) -> list[str]:
    """The texts of all bubbles, from top to bottom."""
    return page.locator(".bubble-text").all_inner_texts()


def scroll(page: Page, to: str) -> None:
    """Scroll the chat to its upper or lower end, as far as it is loaded."""
    page.evaluate(
        "to => { const box = document.getElementById('chat');"
        " box.scrollTop = (to === 'top' ? -1 : 1) * box.scrollHeight; }",
        to,
    )


def test_it_opens_at_its_newest_end_and_reads_downwards(long_chat: Person, open_page: OpenPage) -> None:
    for scripts in (True, False):
        page = open_page(size=NARROW, scripts=scripts).go(f"/analytics/users/{long_chat.id}")
        expect(page.get_by_text(f"word {LONG - 1:03}")).to_be_in_viewport()
        assert texts(page) == sorted(texts(page))


def test_what_lies_before_is_loaded_without_moving_what_one_reads(long_chat: Person, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go(f"/analytics/users/{long_chat.id}")
    known = set(texts(page))
    most = 0
    for _ in range(60):
        first = texts(page)[0]
        if first == "word 000":
            break
        page.evaluate(
            "() => { const box = document.getElementById('chat'); box.scrollTop = 300 - box.scrollHeight + box.clientHeight; }"
        )
        seen, before = page.evaluate(SEEN)
        expect(page.locator(".bubble-text").first).not_to_have_text(first)
        assert abs(page.evaluate(PLACE_OF, seen) - before) <= 1
        known |= set(texts(page))
        most = max(most, page.locator(".bubble").count())
    assert known == {f"word {n:03}" for n in range(LONG)}
    assert most <= 450, "what is far away is taken out of the page"
    expect(page.get_by_text("The trail begins here.")).to_be_attached()
    assert texts(page) == sorted(set(texts(page)))
    expect(page.locator("#freshness")).not_to_have_class(LIVE)
    for _ in range(60):
        last = texts(page)[-1]
        if last == f"word {LONG - 1:03}":
            break
        scroll(page, "bottom")
        expect(page.locator(".bubble-text").last).not_to_have_text(last)
    assert texts(page) == sorted(set(texts(page)))
    expect(page.locator("#freshness")).to_have_class(LIVE)
    names = page.locator(".day-name:not(.day-goes-on)").all_inner_texts()
    assert len(names) == len(set(names)), "a day has its name once"
    watched.check()


def test_a_day_leads_to_its_first_event(long_chat: Person, open_page: OpenPage) -> None:
    day = (datetime.now(UTC) - timedelta(days=5)).date().isoformat()
    for scripts in (True, False):
        page = open_page(scripts=scripts).go(f"/analytics/users/{long_chat.id}")
        page.get_by_label("Go to a day").first.click()
        page.locator("input[name=date]").fill(day)
        page.get_by_role("button", name="Go", exact=True).click()
        page.wait_for_url(f"**date={day}*")
        section = page.locator(f".day[data-day='{day}']").first
        expect(section.locator(".bubble").first).to_be_in_viewport()
        if not scripts:
            assert page.locator(".day").first.get_attribute("data-day") == day
            page.get_by_role("link", name="Older events").click()
            expect(page.locator(".day").last).not_to_have_attribute("data-day", day)


def test_search_and_kinds_narrow_it(stack: Stack, open_page: OpenPage) -> None:
    person, at = somebody(), datetime.now(UTC) - timedelta(hours=3)
    stack.send(
        (events.UserMessage(text="Where is the Маяк?"), place(person, at, 1)),
        (events.AiMessage(text="On the cliff."), place(person, at + timedelta(seconds=2), 2)),
        (events.Command(name="help"), place(person, at + timedelta(seconds=3), 3)),
        (events.PremiumAction(action="paid", amount=5, currency="XTR"), place(person, at + timedelta(seconds=4))),
        (events.HandlerFailed(error_type="KeyError"), place(person, at + timedelta(seconds=5))),
    )
    watched = open_page()
    page = watched.go(f"/analytics/users/{person.id}")
    page.keyboard.press("/")
    page.keyboard.type("маяк")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    expect(page.locator(".bubble-text")).to_have_text(["Where is the Маяк?"])
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator(".bubble")).to_have_count(2)
    for kind, one in (("Payments", ".badge"), ("Failures", ".failure"), ("Bot's messages", ".bubble")):
        page.locator("summary[aria-label^='Kind of events']").click()
        page.get_by_role("link", name=kind).click()
        expect(page.locator(".bubble, .badge, .failure")).to_have_count(1)
        expect(page.locator(one)).to_have_count(1)
    watched.go(f"/analytics/users/{person.id}?q=nothing+like+it")
    expect(page.get_by_text("No event fits")).to_be_visible()
    watched.check()


def test_sessions_are_divided_and_say_how_long_they_were(stack: Stack, open_page: OpenPage) -> None:
    person, at = somebody(), datetime.now(UTC) - timedelta(hours=9)
    minutes = (0, 5, 12, 120, 121)
    stack.send(
        *((events.UserMessage(text=f"m{minute}"), place(person, at + timedelta(minutes=minute))) for minute in minutes)
    )
    page = open_page().go(f"/analytics/users/{person.id}")
    expect(page.locator(".session")).to_have_text(["Session · 12 min", "Session · 1 min"])
    after = page.locator(".session + .turn .bubble-text").all_inner_texts()
    assert after == ["m0", "m120"]


def test_a_time_opens_what_is_known_by_keyboard_too(stack: Stack, open_page: OpenPage, axe_source: str) -> None:
    person, at = somebody(), datetime.now(UTC) - timedelta(hours=1)
    answer = events.AiMessage(
        text="Late.", request_model="m-1", response_model="m-1-2026", input_tokens=1200, output_tokens=34, duration_ms=1234.0
    )  # fmt: skip
    stack.send((events.UserMessage(text="When?"), place(person, at, 1)), (answer, place(person, at, 2)))
    watched = open_page()
    page = watched.go(f"/analytics/users/{person.id}")
    clock = page.locator(".turn-bot .bubble-clock")
    clock.focus()
    page.keyboard.press("Enter")
    sheet = page.locator("#details")
    for words in ("m-1-2026", "1,200 → 34", "1.2 s", "Model asked for"):
        expect(sheet).to_contain_text(words)
    check(page, axe_source)
    sheet.locator(".event-raw summary").click()
    expect(sheet.locator("pre")).to_contain_text('"gen_ai.response.model": "m-1-2026"')
    page.keyboard.press("Escape")
    expect(sheet).not_to_be_visible()
    expect(clock).to_be_focused()
    plain = open_page(scripts=False).go(f"/analytics/users/{person.id}")
    plain.locator(".turn-bot .bubble-clock").click()
    expect(plain.locator(".event-details")).to_contain_text("m-1-2026")
    plain.get_by_role("link", name="Show in the trail").last.click()
    expect(plain.locator(".bubble:target")).to_contain_text("Late.")
    watched.check()


def test_the_address_of_an_event_opens_the_trail_there(long_chat: Person, open_page: OpenPage) -> None:
    found = open_page().page.request.get(f"/api/analytics/users/{long_chat.id}/events?q=word+300").json()
    (event,) = found["events"]
    for scripts in (True, False):
        page = open_page(scripts=scripts).go(f"/analytics/users/{long_chat.id}?event={event['id']}#e-{event['id']}")
        target = page.locator(".bubble:target")
        expect(target).to_contain_text("word 300")
        expect(target).to_be_in_viewport()
        around = texts(page)
        assert "word 299" in around
        assert "word 301" in around


def test_news_come_within_three_seconds_and_move_nothing(stack: Stack, open_page: OpenPage) -> None:
    person, now = somebody(), datetime.now(UTC)
    many = [
        (events.UserMessage(text=f"line {n:02}"), place(person, now - timedelta(minutes=60 - n))) for n in range(45)
    ]
    stack.send(*many)
    at_end, above = open_page(), open_page()
    for watched in (at_end, above):
        watched.go(f"/analytics/users/{person.id}")
    above.page.evaluate("() => { const box = document.getElementById('chat'); box.scrollTop = -900; }")
    seen, before = above.page.evaluate(SEEN)
    stack.send((events.UserMessage(text="the news"), place(person, datetime.now(UTC))))
    expect(at_end.page.get_by_text("the news")).to_be_in_viewport(timeout=15_000)
    expect(above.page.get_by_text("the news")).to_be_attached(timeout=15_000)
    assert abs(above.page.evaluate(PLACE_OF, seen) - before) <= 1
    above.page.locator(".trail-newest").click()
    expect(above.page.get_by_text("the news")).to_be_in_viewport()
    for watched in (at_end, above):
        watched.check()


def test_the_whole_is_a_file_and_a_page_for_printing(long_chat: Person, open_page: OpenPage) -> None:
    """Both are longer than what one thread of the server writes."""
    words = [f"word {n:03}" for n in range(LONG)]
    watched = open_page()
    page = watched.go(f"/analytics/users/{long_chat.id}")
    page.locator("summary[aria-label='The whole trail']").click()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download as JSON").click()
    lines = downloaded.value.path().read_text().strip().split("\n")
    assert [json.loads(line)["text"] for line in lines] == words
    page.locator("summary[aria-label='The whole trail']").click()  # a choice has closed the menu
    page.get_by_role("link", name="Page for printing").click()
    expect(page.locator(".bubble")).to_have_count(LONG)
    assert texts(page) == words
    names = page.locator(".day-name").all_inner_texts()
    assert len(names) == len(set(names))
    watched.check()


@pytest.mark.parametrize(("size", "language"), [(WIDE, "en-GB"), (NARROW, "ru-RU")], ids=["wide", "narrow"])
def test_everybody_can_use_it(
    long_chat: Person, open_page: OpenPage, axe_source: str, size: tuple[int, int], language: str
) -> None:
    watched = open_page(size=size, language=language)
    page = watched.go(f"/analytics/users/{long_chat.id}?q=word+30")
    for summary in page.locator(".trail-tools summary").all():
        summary.click()
        check(page, axe_source)
    watched.go(f"/analytics/users/{long_chat.id}/print?q=word+30")
    expect(page.locator(".bubble")).to_have_count(10)
    check(page, axe_source)
    watched.check()
