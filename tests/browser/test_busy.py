"""A site that is busy for a while: its page, and pages that were open before."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage, Watched, sign_in
from tests.browser.stack import PASSWORD, Part, Stack, web_environment

NEWS_WITHIN_MS = 15_000


@pytest.fixture(scope="module")
def home(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("busy")
    part = Part(
        "tests.support.busy_web",
        r"web is ready at (http://\S+)",
        web_environment(folder, stack.clickhouse.readonly_url),
    )
    try:
        yield part.wait()
    finally:
        part.stop()


@pytest.fixture(scope="module")
def state(chromium: Browser, home: str) -> Any:
    return sign_in(chromium, home)


NOBODY: dict[str, list[object]] = {"cookies": [], "origins": []}


def become_busy(watched: Watched) -> None:
    watched.page.context.add_cookies([{"name": "busy", "value": "1", "url": watched.home}])


def become_free(watched: Watched) -> None:
    watched.page.context.clear_cookies(name="busy")


def in_order(watched: Watched, axe_source: str) -> None:
    assert watched.page.locator("h1:visible").count() == 1
    check(watched.page, axe_source)
    assert not watched.faults_but("503")


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_the_busy_page_is_in_order(
    open_page: OpenPage, axe_source: str, home: str, state: Any, size: tuple[int, int], theme: str, language: str
) -> None:
    for cookies in (state, NOBODY):
        watched = open_page(size=size, theme=theme, language=language, home=home, state=cookies)
        become_busy(watched)
        watched.go("/analytics/users")
        in_order(watched, axe_source)


def test_a_passing_refusal_leaves_an_open_page_as_it_is(open_page: OpenPage, home: str, state: Any) -> None:
    watched = open_page(home=home, state=state)
    page = watched.go("/analytics/users")
    rows = page.locator(".people tbody tr").count()
    assert rows
    page.evaluate("window.heard = []")
    page.evaluate(
        "new MutationObserver((all) => all.forEach((one) => window.heard.push(one.target.textContent)))"
        ".observe(document.getElementById('announcement'), {childList: true})"
    )
    become_busy(watched)
    expect(page.locator("#freshness.live-broken")).to_have_text("Not updating", timeout=NEWS_WITHIN_MS)
    assert page.locator(".people tbody tr").count() == rows
    assert page.locator("#request-id").count() == 0
    become_free(watched)
    expect(page.locator("#freshness.live-ok")).not_to_have_text("Not updating", timeout=NEWS_WITHIN_MS)
    assert not page.evaluate("window.heard")


def test_the_busy_page_is_silent_until_it_has_news(open_page: OpenPage, home: str, state: Any) -> None:
    watched = open_page(home=home, state=state)
    become_busy(watched)
    page = watched.go("/analytics/users")
    shown = page.locator("#request-id").inner_text()
    with page.expect_response("**/analytics/users", timeout=NEWS_WITHIN_MS) as asked:
        pass
    asked.value.finished()
    expect(page.locator("#freshness.live-broken")).to_have_text("Not updating")
    assert page.locator("#request-id").inner_text() == shown
    assert page.locator("[role=alert], [aria-live]").count() == 0
    become_free(watched)
    expect(page.locator("h1")).to_have_text("Users", timeout=NEWS_WITHIN_MS)


def test_who_is_refused_at_the_door_comes_in_later(open_page: OpenPage, home: str, axe_source: str) -> None:
    watched = open_page(home=home, state=NOBODY)
    page = watched.go("/analytics/users?sort=name")
    page.fill("#password", PASSWORD)
    become_busy(watched)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("The dashboard is busy")
    in_order(watched, axe_source)
    become_free(watched)
    page.get_by_role("link", name="Try again").click()
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/analytics/users?sort=name")


def test_who_cannot_leave_at_once_leaves_later(
    open_page: OpenPage, home: str, axe_source: str, chromium: Browser
) -> None:
    watched = open_page(home=home, state=sign_in(chromium, home))
    page = watched.go("/analytics")
    become_busy(watched)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("The dashboard is busy")
    in_order(watched, axe_source)
    assert page.locator("#other-language").get_attribute("href") == "/analytics?lang=ru"
    become_free(watched)
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**/login")


def test_the_language_link_follows_a_change_in_place(open_page: OpenPage, home: str, state: Any) -> None:
    watched = open_page(home=home, state=state)
    page = watched.go("/analytics")
    page.evaluate("window.sameDocument = true")
    other = page.locator("#other-language")
    other.focus()
    page.get_by_role("link", name="30 days").evaluate("link => link.click()")
    expect(other).to_have_attribute("href", "/analytics?range=30d&lang=ru")
    assert focused(page) == "other-language"
    assert page.evaluate("window.sameDocument")
    other.click()
    page.wait_for_url("**/analytics?range=30d&lang=ru")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.get_by_role("link", name="7 дней").click()
    expect(other).to_have_attribute("href", "/analytics?lang=en")
    watched.check()


def focused(page: Page) -> str:
    name: str = page.evaluate("document.activeElement.id")
    return name
