"""Search over all chats, by the keyboard alone: words, rows, a result opened in place, what lies earlier."""

import re

from playwright.sync_api import expect

from tests.browser.accessibility import check
from tests.browser.conftest import OpenPage
from tests.browser.stack import Stack, wait_until


def test_somebody_finds_and_reads_a_message_with_keys_alone(stack: Stack, open_page: OpenPage, axe_source: str) -> None:
    watched = open_page()
    page = watched.go("/analytics/retention")
    wait_until(lambda: page.request.get("/api/analytics/search?q=lamp").json()["texts"])  # texts follow the figures
    page.evaluate("window.sameDocument = true")
    page.keyboard.press("/")
    page.wait_for_url("**/analytics/search")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("gs?jk")  # of no effect while somebody types
    expect(page.locator(".state h2")).to_have_text("Nothing was found")
    page.locator("#q").fill("lam eleven")
    expect(page.locator(".found mark").first).to_have_text("lamp")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    second = page.locator(".found-open").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    here = page.locator(".found-here")
    expect(here).to_contain_text("lamp")
    expect(second).to_have_attribute("aria-expanded", "true")
    assert page.locator(".found-chat .bubble").count() > 3
    check(page, axe_source)
    page.locator(".found-open").first.focus()
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-expanded", "false")
    expect(here).to_have_count(1)
    event = page.locator(".found-open").first.get_attribute("data-event")
    page.locator(".found-around:visible .button").press("Enter")
    page.wait_for_url(re.compile(r"/analytics/users/\d+\?event="))
    expect(page.locator(f"#e-{event}")).to_be_in_viewport()
    watched.check()


def test_what_lies_earlier_comes_below_without_a_new_page(stack: Stack, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/search?limit=5&q=the")
    wait_until(lambda: page.request.get("/api/analytics/search?q=the&limit=11").json()["next_cursor"])
    page.reload()
    page.evaluate("window.sameDocument = true")
    for count in (5, 10, 15):
        expect(page.locator(".found")).to_have_count(count)
        page.locator("#found-more a").click()
    ids = page.locator(".found").evaluate_all("all => all.map((each) => each.id)")
    assert len(set(ids)) == len(ids)
    assert page.evaluate("window.sameDocument")
    watched.check()


def test_keys_lead_around_and_are_listed(open_page: OpenPage, axe_source: str) -> None:
    """Also with the keyboard of another language, and after parts of the page were put in place of others."""
    watched = open_page()
    page = watched.go("/analytics/users")
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Messages")
    page.keyboard.press("j")
    row = page.locator(".person-name a:focus")
    expect(row).to_have_count(1)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    check(page, axe_source)
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(row).to_have_count(1)
    for key, path in (("s", ""), ("f", "/funnel"), ("r", "/retention"), ("l", "/live"), ("u", "/users")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/analytics{path}")
    page.evaluate("""() => ["п", "ы"].forEach((key, n) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key, code: ["KeyG", "KeyS"][n], bubbles: true })))""")
    page.wait_for_url("**/analytics")
    watched.check()
