"""The filter of a page: chosen by mouse, keys and touch, kept in the address, and without scripts."""

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, OpenPage


def filter_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("filter", [""])[0]


def found(page: Page, text: str) -> int:
    total: int = page.request.get("/api/analytics/users", params={"filter": text, "limit": "1"}).json()["total"]
    return total


def test_by_mouse(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page()
    page = watched.go("/analytics/users")
    page.evaluate("window.stayed = true")
    page.locator("#filter-add").click()
    picker, chips = page.locator("#picker"), page.locator(".filter-chip")
    picker.get_by_role("link", name="Language").click()
    picker.get_by_role("link", name="Russian").click()
    expect(chips).to_have_text(["Language: Russian"])
    picker.get_by_role("link", name="English").click()  # it stays open for more of them
    expect(chips).to_have_text(["Language: Russian or English"])
    check(page, axe_source)
    page.mouse.click(5, 400)
    expect(picker).not_to_be_visible()
    expect(page.locator(".filters-count")).to_have_text(f"{found(page, 'language:ru,en')} people")
    page.locator("#filter-add").click()
    picker.get_by_role("link", name="Paid").first.click()
    picker.get_by_role("link", name="Never paid").click()
    expect(picker).not_to_be_visible()
    expect(chips).to_have_text(["Language: Russian or English", "Never paid"])
    assert filter_of(page) == "language:ru,en paid:no"
    page.get_by_role("link", name="All of").click()
    expect(page.locator(".filter-join")).to_have_text("Any of")
    assert filter_of(page) == "language:ru,en or paid:no"
    page.go_back()
    expect(page.locator(".filter-join")).to_have_text("All of")
    chips.first.get_by_role("link").first.click()
    picker.get_by_role("link", name="is not").click()
    expect(chips).to_have_text(["Not: Language: Russian or English", "Never paid"])
    assert page.evaluate("window.stayed"), "the page was loaded anew"
    watched.check()


def test_by_keys(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics/users?sort=messages")
    page.keyboard.press("f")
    find = page.locator("#picker .picker-find")
    expect(find).to_be_focused()
    page.keyboard.type("messa")
    page.keyboard.press("Enter")
    number = page.locator("#picker [name=number]")
    expect(number).to_be_focused()
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    chips = page.locator(".filter-chip")
    expect(chips).to_have_text(["Messages ≥ 20"])
    expect(page.locator("#picker")).not_to_be_visible()
    assert page.url.endswith("/analytics/users?sort=messages&filter=messages%3E%3D20")
    page.keyboard.press("f")
    expect(find).to_be_focused()
    page.keyboard.type("active")
    expect(page.locator("#picker .picker-option:visible")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    preset = page.get_by_role("link", name="last 7 days")
    expect(preset).to_be_visible()
    preset.focus()
    page.keyboard.press("Enter")
    expect(chips).to_have_text(["Messages ≥ 20", "Active: last 7 days"])
    expect(page.locator(".filters-count")).to_have_text(f"{found(page, 'messages>=20 active:7d')} people")
    page.locator("#chip-0").focus()
    page.keyboard.press("Delete")
    expect(chips).to_have_text(["Active: last 7 days"])
    watched.check()


def test_on_a_phone(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page(size=NARROW, theme="dark", language="ru")
    page = watched.go("/analytics/users?filter=language:ru,en,pt-br did:message,answer in 30d not paid:yes")
    expect(page.locator(".filter-chip")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    page.locator("#chip-1").click()
    sheet = page.locator("#picker .picker")
    expect(sheet).to_be_visible()
    box = sheet.bounding_box()
    assert box is not None
    assert (box["x"], box["width"], round(box["y"] + box["height"])) == (0, NARROW[0], NARROW[1])
    check(page, axe_source)
    page.locator("#picker").get_by_role("link", name="Сегодня").click()
    expect(page.locator("#chip-1")).to_have_text("Написали сообщение или Получили ответ · за 1 день")
    watched.check()


def test_a_text_that_cannot_be_read_says_where(open_page: OpenPage) -> None:
    page = open_page().go("/analytics/filter?page=users&pick=text")
    page.get_by_label("Filter as text").fill("language:ru lang:en")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("at character 13, lang is no condition")
    expect(page.get_by_label("Filter as text")).to_have_value("language:ru lang:en")
    page.get_by_label("Filter as text").fill("(language:ru or paid:yes) messages>0")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".filter-chip")).to_have_text(["Language: Russian or Paid", "Messages > 0"])


def test_without_scripts_the_picker_is_a_page(open_page: OpenPage) -> None:
    page = open_page(scripts=False).go("/analytics/users?sort=messages")
    page.locator("#filter-add").click()
    page.get_by_role("link", name="New").click()
    page.get_by_role("link", name="last 30 days").click()
    expect(page.locator(".filter-chip")).to_have_text("New: last 30 days")
    page.locator("#chip-0").click()
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_role("button", name="Apply").click()
    assert filter_of(page) == "new:2026-01-01.."
    assert "sort=messages" in page.url


def test_statistics_of_a_part_of_the_people(open_page: OpenPage, axe_source: str) -> None:
    watched = open_page()
    page = watched.go("/analytics?range=30d")
    page.keyboard.press("f")
    expect(page.locator("#picker .picker-find")).to_be_focused()
    page.locator("#picker").get_by_role("link", name="Language").click()
    page.locator("#picker").get_by_role("link", name="Russian").click()
    expect(page.locator(".filter-chip")).to_have_text("Language: Russian")
    expect(page.locator("#figure-people")).to_have_text(str(found(page, "language:ru active:30d")))
    page.keyboard.press("Escape")
    check(page, axe_source)
    page.get_by_role("link", name="90 days").click()
    expect(page.get_by_role("link", name="90 days")).to_have_attribute("aria-current", "true")
    expect(page.locator(".filter-chip")).to_have_text("Language: Russian")
    page.locator("#figure-new_people").click()
    expect(page.locator(".filter-chip")).to_have_text(["Language: Russian", "New: last 90 days"])
    watched.check()
