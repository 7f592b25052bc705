"""The switch of bots in the header, by keyboard and in both languages; and a chart whose lines are those of the bot."""

import pytest
from playwright.sync_api import Page, expect

from chattrail.context import Person
from chattrail.events import AiMessage
from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage
from tests.browser.stack import Stack


def choose(page: Page, name: str) -> None:
    """Open the switch and follow a link by keys alone."""
    page.locator(".bot-switch summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=name, exact=True).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("language", "size", "everything"), [("en-GB", WIDE, "All bots"), ("ru-RU", NARROW, "Все боты")], ids=["en", "ru"]
)
def test_the_switch_works_by_keyboard_and_stays_in_the_address(
    open_page: OpenPage, axe_source: str, language: str, size: tuple[int, int], everything: str
) -> None:
    watched = open_page(language=language, size=size)
    page = watched.go("/analytics?range=30d")
    expect(page.locator(".bot-switch summary")).to_contain_text(everything)
    choose(page, "notes-bot")
    expect(page).to_have_url(f"{watched.home}/analytics?range=30d&bot=notes-bot")
    page.locator(".bot-switch summary").click()
    check(page, axe_source)
    page.keyboard.press("Escape")
    page.locator(".sidebar-link[href*=users]").click()
    expect(page.locator(".people tbody tr")).to_have_count(3)
    page.locator(".people tbody a").first.click()
    expect(page.locator(".bot-switch summary")).to_contain_text("notes-bot")
    choose(page, everything)
    assert "bot=" not in page.url
    watched.check()


def test_a_line_that_a_bot_gets_while_the_page_is_open_is_in_the_legend(open_page: OpenPage, stack: Stack) -> None:
    watched = open_page()
    page = watched.go("/analytics?bot=notes-bot")
    expect(page.locator("button.legend-item[data-series]")).to_have_count(3)
    tracker = stack.tracker("notes-bot")
    tracker.track(AiMessage(text="Yes."), user=Person(90_000, "notes0", "Ann", "en", False))
    stack.finish(tracker)
    expect(page.locator("button.legend-item[data-series=answers]")).to_have_count(1, timeout=30_000)
    watched.check()
