"""Everything but the live chart works in a browser that runs no script."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.stack import PASSWORD


def test_sign_in_look_around_and_leave(open_page: OpenPage) -> None:
    watched = open_page(scripts=False, state={"cookies": [], "origins": []})
    page = watched.go("/analytics/users?sort=messages")
    page.fill("#password", "wrong password")
    page.click("button[type=submit]")
    expect(page.locator("#fault")).to_be_visible()
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/analytics/users?sort=messages")
    page.get_by_role("link", name="Answers").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Answers")
    page.fill("#q", "орлов")
    page.press("#q", "Enter")
    expect(page.locator(".filters-count")).to_have_text("6 people")
    assert "sort=answers" in page.url
    page.locator(".person-name a").first.click()
    page.wait_for_url("**/analytics/users/*")
    assert page.locator(".bubble").count()
    page.get_by_role("link", name="Statistics").click()
    page.wait_for_url("**/analytics")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    watched.go("/analytics")
    page.wait_for_url("**/login?next=*")


def test_the_chart_is_a_drawing_and_a_table(open_page: OpenPage) -> None:
    page = open_page(scripts=False).go("/analytics?range=30d")
    expect(page.locator("#chart svg polyline")).to_have_count(5)
    page.locator(".as-table summary").click()
    expect(page.locator("#activity-table tbody tr")).to_have_count(30)


def test_a_range_of_ones_own(open_page: OpenPage) -> None:
    page = open_page(scripts=False).go("/analytics")
    page.get_by_role("navigation", name="Date range").locator("summary").click()
    page.fill("input[name=from]", "2026-01-01")
    page.fill("input[name=to]", "2026-01-31")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**from=2026-01-01&to=2026-01-31")
    expect(page.get_by_role("navigation", name="Date range").locator("summary")).to_contain_text("1 Jan")
