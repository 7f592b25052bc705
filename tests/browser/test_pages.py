"""Every page, wide and narrow, light and dark: nothing sticks out, nothing complains, everybody can use it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage

PAGES = {
    "statistics": "/analytics",
    "statistics of a day": "/analytics?from=2020-01-01&to=2020-01-02",
    "statistics of all time": "/analytics?range=all",
    "statistics of a bot": "/analytics?bot=notes-bot",
    "retention": "/analytics/retention?period=day",
    "funnel": "/analytics/funnel?split=language",
    "sources": "/analytics/sources?range=all",
    "alerts": "/analytics/alerts",
    "users": "/analytics/users",
    "users nobody": "/analytics/users?q=nobody-is-called-this",
    "api": "/analytics/api",
    "search": "/analytics/search?q=lamp",
    "live": "/analytics/live",
    "search nothing": "/analytics/search?q=xyzzy&range=7d",
    "trail": "/analytics/users/10119",
    "trail oldest first": "/analytics/users/10119?order=asc",
    "trail of a search": "/analytics/users/10119?q=a&kind=person",
}
ERRORS = {"unknown page": ("/analytics/nowhere", 404), "unknown person": ("/analytics/users/31337", 404)}
SIZES = {"wide": WIDE, "narrow": NARROW}
OPENED = {"wide": (WIDE, "light"), "narrow": (NARROW, "dark")}  # each is then shown in the other theme, too


@pytest.mark.parametrize(("size", "theme"), OPENED.values(), ids=OPENED.keys())
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_page_is_in_order(open_page: OpenPage, axe_source: str, path: str, size: tuple[int, int], theme: str) -> None:
    watched = open_page(size=size, theme=theme)
    page = watched.go(path)
    assert page.locator("main h1, header h1").count() == 1
    check(page, axe_source)
    watched.check()


@pytest.mark.parametrize(("size", "theme"), OPENED.values(), ids=OPENED.keys())
@pytest.mark.parametrize("where", ERRORS.values(), ids=ERRORS.keys())
def test_error_page_names_the_request(
    open_page: OpenPage, axe_source: str, where: tuple[str, int], size: tuple[int, int], theme: str
) -> None:
    path, status = where
    watched = open_page(size=size, theme=theme)
    answers: list[int] = []
    watched.page.on("response", lambda response: answers.append(response.status))
    page = watched.go(path)
    assert answers[0] == status
    assert page.locator("#request-id").inner_text()
    check(page, axe_source)
    assert not watched.faults_but(str(status))


@pytest.mark.parametrize("path", ["/login", "/login/link?token=spent"])
def test_sign_in_pages_are_in_order(open_page: OpenPage, axe_source: str, path: str) -> None:
    watched = open_page(size=NARROW, state={"cookies": [], "origins": []})
    page = watched.go(path)
    check(page, axe_source)
    assert not watched.faults_but("410")


def test_first_screen_holds_figures_and_chart(open_page: OpenPage) -> None:
    page = open_page().go("/analytics")
    box = page.locator(".activity").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= WIDE[1]
    assert page.locator(".figure").count() == 7
    page.evaluate("document.querySelector('.delta').textContent = '> 999 %'.repeat(4)")  # which takes a second line
    feet = page.locator(".sparkline").evaluate_all("lines => lines.map((line) => line.getBoundingClientRect().bottom)")
    assert len(set(feet)) == 1, "they stand beside each other"


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_the_line_of_a_figure_lies_below_its_number(open_page: OpenPage, size: tuple[int, int]) -> None:
    page = open_page(size=size).go("/analytics")
    gaps = page.locator(".figure:has(.sparkline)").evaluate_all("""all => all.map((one) =>
        one.querySelector('.sparkline').getBoundingClientRect().top
        - Math.max(...[...one.children].filter((part) => !part.matches('.sparkline, .hint'))
            .map((part) => part.getBoundingClientRect().bottom)))""")
    assert len(gaps) == 7
    assert min(gaps) >= 0


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_long_numbers_fit_into_their_cards_and_beside_the_axis(open_page: OpenPage, size: tuple[int, int]) -> None:
    """As long as Russian makes them: a figure with its change, and the label 1,5 тыс. left of the chart."""
    page = open_page(size=size, language="ru-RU").go("/analytics")
    page.wait_for_selector(".uplot canvas")
    beyond, room = page.evaluate("""() => {
      document.querySelectorAll(".figure-value").forEach((value) => (value.textContent = "112,3 тыс."));
      document.querySelectorAll(".delta").forEach((delta) => (delta.textContent = "> 999 %"));
      const beyond = [...document.querySelectorAll(".figure")].map((figure) => {
        const edge = figure.getBoundingClientRect().right - parseFloat(getComputedStyle(figure).paddingRight);
        return figure.querySelector(".delta").getBoundingClientRect().right - edge;
      });
      document.querySelectorAll("#activity-table [data-value]").forEach((cell) => (cell.dataset.value = 1700));
      document.dispatchEvent(new Event("htmx:after:settle"));
      const label = document.createElement("canvas").getContext("2d");
      label.font = `12px ${getComputedStyle(document.body).fontFamily}`;
      const width = label.measureText("1,5 тыс.").width;
      return new Promise((resolve) => requestAnimationFrame(() =>
        resolve([Math.max(...beyond), document.querySelector(".u-over").offsetLeft - width])));
    }""")
    assert beyond <= 0
    if size == WIDE:  # a low chart has fewer labels, and shorter ones
        assert room >= 8  # the gap between labels and chart


def test_chart_is_drawn_and_its_series_can_be_hidden(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics?range=30d")
    page.wait_for_selector(".uplot canvas")
    assert page.locator("#chart > svg").count() == 0
    button = page.locator("button.legend-item[data-series=answers]")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    page.locator("#chart .u-over").hover()
    expect(page.locator("[data-series=messages] .legend-value")).not_to_be_empty()
    watched.check()


def test_back_and_forward_through_ranges_keep_the_chart(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go("/analytics")
    for name, rows in (("30 days", 30), ("90 days", 90)):
        page.get_by_role("link", name=name).click()
        expect(page.locator("#activity-table tbody tr")).to_have_count(rows)
    page.go_back()
    expect(page.locator(".segment[aria-current]")).to_have_text("30 days")
    expect(page.locator(".uplot canvas")).to_have_count(1)
    expect(page.locator("button.legend-item")).to_have_count(5)
    page.go_forward()
    expect(page.locator("#activity-table tbody tr")).to_have_count(90)
    watched.check()


def test_a_figure_says_how_it_is_counted_to_the_keyboard_too(open_page: OpenPage) -> None:
    page = open_page().go("/analytics")
    name = page.locator(".figure-name").first
    hint = page.locator("#hint-people")
    assert not hint.is_visible()
    name.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    hint.wait_for(state="visible")
    assert hint.inner_text()


def test_skip_link_leads_past_the_layout(open_page: OpenPage) -> None:
    page = open_page().go("/analytics/users")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_pages_speak_russian_and_remember_it(open_page: OpenPage) -> None:
    watched = open_page(language="ru-RU")
    page = watched.go("/analytics/users?q=Орлов")
    assert page.locator("html").get_attribute("lang") == "ru"
    assert page.locator("h1").inner_text() == "Люди"
    assert "6 человек" in page.locator(".filters-count").inner_text()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    watched.go("/analytics/users")
    assert page.locator("h1").inner_text() == "Users"
    watched.check()


def test_a_funnel_is_changed_without_a_reload(open_page: OpenPage) -> None:
    """A step is added, moved and taken out by links; the address says the steps."""
    watched = open_page()
    page = watched.go("/analytics/funnel?steps=start,paid")
    page.evaluate("window.isSame = true")
    steps = page.locator(".funnel-step .bar-name")
    expect(steps).to_have_text(["Start", "Paid"])
    page.locator(".funnel-add summary").click()
    page.locator(".funnel-offer", has_text="Wrote a message").click()
    expect(steps).to_have_text(["Start", "Paid", "Wrote a message"])
    page.get_by_role("link", name="Earlier: Wrote a message").click()
    expect(steps).to_have_text(["Start", "Wrote a message", "Paid"])
    expect(page).to_have_url(re.compile(r"steps=start%2Cmessage%2Cpaid"))
    page.get_by_role("link", name="Take out: Start").click()
    expect(steps).to_have_text(["Wrote a message", "Paid"])
    assert page.evaluate("window.isSame")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    for step in steps.all():  # names stand beside their numbers, and not letter below letter
        box = step.bounding_box()
        assert box is not None
        assert box["width"] > 150
    watched.check()
