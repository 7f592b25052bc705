"""Live refresh, lost databases, ended logins, and a site that has no event yet."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from chattrail import events
from chattrail.context import Chat, Person
from sidecar.plugins.clickhouse.migrate import migrate
from tests.browser.conftest import OpenPage, sign_in
from tests.browser.stack import Part, Stack, web_environment

NEWS_WITHIN_MS = 15_000


def say(stack: Stack, number: int, text: str) -> None:
    """One message of one person, now."""
    person = Person(number, None, f"Newcomer {number}", "en")
    stack.send((events.UserMessage(text=text), {"user": person, "chat": Chat(number), "timestamp": datetime.now(UTC)}))


def test_new_events_appear_without_a_reload(stack: Stack, open_page: OpenPage) -> None:
    say(stack, 800_001, "before")
    people, trail = open_page(), open_page()
    people.go("/analytics/users").evaluate("window.sameDocument = true")
    trail.go("/analytics/users/800001").evaluate("window.sameDocument = true")
    say(stack, 800_002, "hello")
    say(stack, 800_001, "after")
    expect(people.page.locator("#user-800002")).to_be_visible(timeout=NEWS_WITHIN_MS)
    expect(trail.page.locator(".bubble-text").last).to_have_text("after", timeout=NEWS_WITHIN_MS)
    for watched in (people, trail):
        assert watched.page.evaluate("window.sameDocument")
        watched.check()


def test_what_happens_now_comes_in_and_stands_still_for_who_reads(stack: Stack, open_page: OpenPage) -> None:
    say(stack, 800_011, "before")
    watched = open_page()
    page = watched.go("/analytics/live")
    page.evaluate("window.sameDocument = true")
    first = page.locator(".live-line").first
    expect(first).to_contain_text("before")
    say(stack, 800_012, "comes in")
    expect(first).to_contain_text("comes in", timeout=NEWS_WITHIN_MS)
    expect(first).to_contain_text("Newcomer 800012")
    with page.expect_request("**/analytics/live"):
        pass
    page.locator(".live-pause").click()  # while an answer is under way, which is shown, and ends nothing
    expect(page.locator(".live-held")).to_be_visible()
    expect(page.locator(".htmx-request")).to_have_count(0)
    expect(page.locator(".live-pause")).to_have_attribute("aria-pressed", "true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    say(stack, 800_011, "waits")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # at which pages look at once
    assert page.evaluate("fetch('/healthz').then((answer) => answer.status)") == 200
    assert not [url for url in asked if "/live" in url]
    expect(first).to_contain_text("comes in")
    page.locator(".live-pause").click()
    expect(first).to_contain_text("waits", timeout=NEWS_WITHIN_MS)
    assert page.evaluate("window.sameDocument")
    page.keyboard.press("j")
    expect(page.locator(".live-open").first).to_be_focused()
    expect(page.locator(".live-held")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/analytics/users/800011?event=*")
    expect(page.locator(".bubble-text").last).to_have_text("waits")
    watched.check()


def test_the_dot_is_green_for_fresh_events_only(stack: Stack, open_page: OpenPage) -> None:
    old = Person(800_005, None, "Long gone", "en")
    at = datetime.now(UTC) - timedelta(days=4)
    stack.send((events.UserMessage(text="bye"), {"user": old, "chat": Chat(800_005), "timestamp": at}))
    say(stack, 800_006, "hello")
    for number, words, is_fresh in ((800_005, "4 d ago", False), (800_006, "", True)):
        watched = open_page()
        page = watched.go(f"/analytics/users/{number}")
        dot = page.locator("#freshness")
        expect(dot).to_contain_text(words)
        green = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--good')")
        page.evaluate("green => (document.querySelector('.live-time').style.color = green)", green)
        colors = [
            page.locator(each).evaluate(f"each => getComputedStyle(each).{name}")
            for each, name in ((".live-dot", "backgroundColor"), (".live-time", "color"))
        ]
        assert (colors[0] == colors[1]) is is_fresh
        watched.check()


def test_a_page_on_which_nothing_changed_is_answered_with_nothing(stack: Stack, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users")
    with page.expect_response(lambda answer: answer.status == 304, timeout=4 * NEWS_WITHIN_MS):
        pass
    expect(page.locator("#freshness")).to_have_class(re.compile("live-ok"))
    say(stack, 800_004, "news")
    expect(page.locator("#user-800004")).to_be_visible(timeout=NEWS_WITHIN_MS)
    watched.check()


def test_a_refresh_keeps_what_the_reader_opened_and_typed(stack: Stack, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics")
    page.locator(".as-table summary").click()
    count = page.locator("#figure-messages").inner_text()
    say(stack, 800_003, "one more")
    expect(page.locator("#figure-messages")).not_to_have_text(count, timeout=30_000)
    assert page.locator(".as-table").get_attribute("open") is not None
    expect(page.locator(".uplot canvas")).to_be_visible()
    watched.check()


def test_a_login_that_ends_leads_to_the_door(stack: Stack, chromium: Browser, open_page: OpenPage) -> None:
    watched = open_page(state=sign_in(chromium, stack.web_url))
    page = watched.go("/analytics/users?sort=name")
    watched.page.context.clear_cookies()
    page.wait_for_url("**/login?next=*", timeout=NEWS_WITHIN_MS)
    assert "users" in page.url


def test_a_lost_database_is_named_and_the_page_recovers(
    stack: Stack, chromium: Browser, open_page: OpenPage, tmp_path: Path
) -> None:
    """The page opens while nothing listens at the database's address, and fills when something does."""
    port = stack.clickhouse.port
    wrong = stack.clickhouse.readonly_url.replace(f":{port}/", ":9/")
    part = Part("web", r"web is ready at (http://\S+)", web_environment(tmp_path, wrong))
    try:
        home = part.wait()
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(f"{home}/login")
        page.fill("#password", "correct horse battery")
        page.click("button[type=submit]")
        expect(page.locator("h1")).to_have_text("The database cannot be reached")
        assert page.locator("#request-id").inner_text()
        expect(page.get_by_role("link", name="Try again")).to_be_visible()
        # The same address is answered by the healthy site from now on: the page must find its way back by itself.
        healthy = stack.web_url

        def forward(route: object) -> None:
            route.fulfill(response=good.request.get(healthy + "/analytics", headers={"HX-Request": "true"}))  # type: ignore[attr-defined]

        good = open_page().page.context
        page.route("**/analytics", forward)
        expect(page.locator("h1")).to_have_text("Statistics", timeout=NEWS_WITHIN_MS)
        context.close()
    finally:
        part.stop()


@pytest.mark.parametrize("path", ["/analytics", "/analytics/users"])
def test_first_run_shows_how_to_connect(
    stack: Stack, chromium: Browser, open_page: OpenPage, tmp_path: Path, path: str
) -> None:
    with stack.clickhouse.fresh_database() as database:
        migrate(stack.clickhouse.dsn(database))
        part = Part(
            "web",
            r"web is ready at (http://\S+)",
            web_environment(tmp_path, stack.clickhouse.dsn(database, readonly=True)),
        )
        try:
            home = part.wait()
            watched = open_page(home=home, state=sign_in(chromium, home))
            page = watched.go(path)
            expect(page.locator("main h2")).to_have_text("No events yet")
            lines = page.locator("pre").inner_text().splitlines()
            assert lines[0] == "from chattrail import create_tracker"
            assert lines[-1].startswith("instrument(")
            watched.check()
        finally:
            part.stop()
