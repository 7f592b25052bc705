"""What owners save from the pages: views and funnels in menus, notes on the chart, rules of alerts."""

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, OpenPage
from tests.browser.stack import Stack, wait_until
from tests.browser.test_widths import KEEP_DRAWN
from tests.support.embedded import ask

SAVED_MS = 15_000  # a form, and the page anew


@pytest.fixture(autouse=True)
def nothing_stays(stack: Stack) -> Iterator[None]:
    """Other tests look at the same pages."""
    yield
    ask(stack.clickhouse, "TRUNCATE TABLE saved", database="chattrail")


def test_views_by_keys(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page()
    page = watched.go("/analytics/users?sort=messages&filter=language:ru")
    page.evaluate("window.stayed = true")
    opener = page.locator(".filter-bar .saved > summary")
    expect(opener).to_have_text("Views", timeout=SAVED_MS)
    opener.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Who writes Russian")
    check(page, axe_source)
    page.keyboard.press("Enter")
    expect(opener).to_have_text("Who writes Russian", timeout=SAVED_MS)
    expect(opener).to_be_focused()
    expect(page.locator(".filter-chip")).to_have_text(["Language: Russian"])
    page.locator(".chip-remove").click()
    expect(opener).to_have_text("Views", timeout=SAVED_MS)
    page.goto(watched.home + "/analytics?range=30d")
    page.evaluate("window.stayed = true")
    opener.click()
    page.get_by_role("link", name="Who writes Russian").click()
    expect(page.locator("h1")).to_have_text("Users")
    expect(opener).to_have_text("Who writes Russian", timeout=SAVED_MS)
    assert page.url.endswith("/analytics/users?sort=messages&filter=language%3Aru")
    opener.click()
    page.get_by_label("Rename or delete: Who writes Russian").click()
    name = page.locator(".saved-edit").get_by_role("textbox", name="Name")
    name.fill("Readers")
    check(page, axe_source)
    name.press("Enter")
    expect(opener).to_have_text("Readers", timeout=SAVED_MS)
    opener.click()
    page.keyboard.press("Escape")
    expect(page.locator(".saved[open]")).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    page.get_by_label("Rename or delete: Readers").click()
    page.get_by_role("button", name="Delete").click()
    expect(opener).to_have_text("Views", timeout=SAVED_MS)
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    watched.check()


def saved_funnel(page: Page, name: str) -> None:
    page.locator(".funnel-foot .saved > summary").click()
    page.get_by_label("Name of this funnel").fill(name)
    page.locator(".funnel-foot").get_by_role("button", name="Save").click()


def test_funnels_on_a_phone(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page(size=NARROW, theme="dark")
    page = watched.go("/analytics/funnel?steps=start,paid&within=1d")
    opener = page.locator(".funnel-foot .saved > summary")
    saved_funnel(page, "To money")
    expect(opener).to_have_text("To money", timeout=SAVED_MS)
    page.get_by_role("link", name="90 days").click()
    expect(opener).to_have_text("To money", timeout=SAVED_MS)
    page.get_by_role("link", name="Usual steps").click()
    expect(opener).to_have_text("Funnels")
    opener.click()
    check(page, axe_source)
    page.get_by_role("link", name="To money").click()
    expect(opener).to_have_text("To money", timeout=SAVED_MS)
    assert "range=90d" in page.url
    watched.check()


def test_notes_on_the_chart(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page()
    watched.page.add_init_script(KEEP_DRAWN)
    page = watched.go("/analytics?range=30d")
    page.evaluate("window.stayed = true")
    days = page.locator("#activity-table tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.at)")
    day = datetime.fromtimestamp(int(days[-5]), ZoneInfo("Europe/Berlin")).date()
    notes = page.locator(".annotation")
    page.get_by_text("Add a note").click()
    page.get_by_role("textbox", name="Day").fill(day.isoformat())
    page.get_by_role("textbox", name="What happened").fill("Ad in the fox channel")
    page.keyboard.press("Enter")
    expect(notes.locator("bdi")).to_have_text(["Ad in the fox channel"], timeout=SAVED_MS)
    expect(notes).to_have_attribute("data-at", days[-5])
    wait_until(lambda: "1" in [each["text"] for each in page.evaluate("window.drawn")])
    expect(page.locator("#chart")).to_have_accessible_description(re.compile("Ad in the fox channel"))
    check(page, axe_source)
    page.get_by_label("Change or delete: Ad").click()
    notes.get_by_role("textbox", name="What happened").fill("Release 2")
    check(page, axe_source)
    notes.get_by_role("button", name="Save").click()
    expect(notes.locator("bdi")).to_have_text(["Release 2"], timeout=SAVED_MS)
    page.get_by_role("link", name="90 days").click()
    expect(page.locator("#activity-table tbody tr")).to_have_count(90)
    expect(notes.locator("bdi")).to_have_text(["Release 2"], timeout=SAVED_MS)
    page.get_by_label("Change or delete: Release 2").click()
    notes.get_by_role("button", name="Delete").click()
    expect(notes).to_have_count(0, timeout=SAVED_MS)
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    watched.check()


def test_rules_of_alerts(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page(size=NARROW, theme="dark")
    page = watched.go("/analytics?filter=language:ru")
    page.get_by_role("main").get_by_role("link", name="Alerts").click()
    new, rules = page.get_by_role("region", name="New alert"), page.locator(".alert")
    expect(new.get_by_label("Only of people who are (filter)")).to_have_value("language:ru")
    page.evaluate("window.stayed = true")
    expect(new.get_by_label("Threshold")).not_to_be_visible()
    new.get_by_label("Name").fill("Busy")
    new.get_by_label("When it is").select_option("below")
    new.locator("[name=window]").select_option("a day")
    new.get_by_label("Threshold").fill("100000")
    new.get_by_role("button", name="Save").click()
    expect(rules).to_have_count(1, timeout=SAVED_MS)
    expect(rules).to_contain_text("100,000 and more is normal")
    expect(page.get_by_role("heading", name="1 alert now")).to_be_visible()
    expect(new.get_by_label("Name")).to_have_value("")
    page.get_by_label("Change or delete: Busy").click()
    expect(rules.get_by_label("Threshold")).to_have_value("100000")
    check(page, axe_source)
    rules.get_by_label("When it is").select_option("above")
    rules.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="All is as it should be")).to_be_visible(timeout=SAVED_MS)
    page.get_by_label("Change or delete: Busy").click()
    rules.get_by_role("button", name="Delete").click()
    expect(rules).to_have_count(0, timeout=SAVED_MS)
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    watched.check()
