"""No page scrolls sideways, no text stands over another card, and no label is cut, at any width and in either language."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import sticks_out
from tests.browser.conftest import OpenPage
from tests.browser.stack import wait_until
from tests.browser.test_pages import ERRORS, PAGES

WIDTHS = (320, 360, 390, 480, 640, 760, 761, 768, 900, 1000, 1001, 1024, 1041, 1280, 1440, 1920, 2560)
LANGUAGES = ("en-GB", "ru-RU")
SIGN_IN = {"login": "/login", "spent link": "/login/link?token=spent"}

# As long as real bots make them: a figure of six digits with its unit, and growth from next to nothing.
LONG_FIGURES = """() => {
  document.querySelectorAll(".figure-value").forEach((value) => (value.textContent = "112,3\\u00a0тыс."));
  document.querySelectorAll(".delta").forEach((delta) => (delta.textContent = "↑ >\\u00a0999\\u00a0%"));
}"""

# The texts of a card that reach beyond it, labels that are cut, and texts that stand over one another: each as a sentence.
BEYOND = """() => {
  const found = [];
  const boxOfText = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect();
  };
  const shown = (selector, within = document) => [...within.querySelectorAll(selector)].filter(
    (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  const words = (element) => `"${element.textContent.trim().slice(0, 30)}"`;
  const ELSEWHERE = ".hint, svg, .popover-panel, .sr-only, canvas, pre";
  for (const card of shown(".figure, .section, .activity, .badge-line, .chip, .segment, .button")) {
    const edge = card.getBoundingClientRect();
    for (const part of shown("*", card)) {
      if (part.children.length || !part.textContent.trim() || part.closest(ELSEWHERE)) continue;
      const box = boxOfText(part);
      let [left, right] = [box.left, box.right];
      for (let around = part; around !== card; around = around.parentElement) {
        if (!/hidden|clip|auto/.test(getComputedStyle(around).overflowX)) continue;
        const clip = around.getBoundingClientRect();
        [left, right] = [Math.max(left, clip.left), Math.min(right, clip.right)];
      }
      const over = Math.max(right - edge.right, edge.left - left);
      if (over > 0.5) found.push(`${words(part)} is ${over.toFixed(1)} px beyond its card`);
    }
  }
  const LABELS = ".figure-name, .figure-value, .delta, .section-head h2, .section-units span, .segment, .button,"
    + " .legend-item, .live-time, .sidebar-link, th, h1";
  for (const label of shown(LABELS)) {
    const cut = label.scrollWidth - label.clientWidth;
    const isName = label.closest(".sr-only") || label.querySelector("bdi");
    if (!isName && label.clientWidth && cut > 1) found.push(`${words(label)} is cut by ${cut} px`);
  }
  const boxes = shown(".topbar > *, .topbar-end > *, .figure-name, .figure-value, .delta")
    .filter((each) => !each.matches(".topbar-end, .sr-only"))
    .map((each) => [each, each.closest(".figure") ? boxOfText(each) : each.getBoundingClientRect()]);
  for (const [one, a] of boxes) for (const [other, b] of boxes) {
    if (one === other || one.contains(other) || other.contains(one)) continue;
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 0.5 && down > 0.5) found.push(`${words(one)} stands over ${words(other)}`);
  }
  return found;
}"""

# What is drawn on a canvas has no boxes: each text is kept with its place, in the canvas's own pixels.
KEEP_DRAWN = """
window.drawn = [];
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
  const size = this.measureText(text), at = this.getTransform().transformPoint({ x, y });
  const [left, right] = [at.x - size.actualBoundingBoxLeft, at.x + size.actualBoundingBoxRight];
  window.drawn.push({ text, left, right, width: this.canvas.width, y: at.y });
  return fillText.call(this, text, x, y, ...rest);
};
"""
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
CUT_LABELS = """() => {
  const last = window.drawn.filter((each) => each.width === document.querySelector(".uplot canvas").width);
  const cut = last.filter((each) => each.left < 0 || each.right > each.width).map((each) => each.text);
  for (const row of Object.values(Object.groupBy(last, (each) => Math.round(each.y)))) {
    const unlike = [...new Map(row.map((each) => [each.text, each])).values()].sort((a, b) => a.left - b.left);
    unlike.slice(1).forEach((each, index) => {
      if (each.left < unlike[index].right) cut.push(`${unlike[index].text} over ${each.text}`);
    });
  }
  return cut;
}"""


def faults(page: Page) -> list[str]:
    """What is wrong with the page as wide as it is."""
    found: list[str] = page.evaluate(BEYOND)
    wider = sticks_out(page)
    return [*found, *([f"the page is {wider} px wider than the window"] if wider > 0 else [])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [*PAGES.values(), *(path for path, _ in ERRORS.values()), *SIGN_IN.values()])
def test_nothing_sticks_out_at_any_width(open_page: OpenPage, path: str, language: str) -> None:
    state: Any = {"cookies": [], "origins": []} if path in SIGN_IN.values() else None
    page = open_page(language=language, state=state).go(path)
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(LONG_FIGURES)
        found[width] = faults(page)
    assert not any(found.values()), {width: each for width, each in found.items() if each}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("range_", ["from=2026-11-20&to=2026-11-20", "range=7d", "range=90d", "from=2024-01-01"])
def test_labels_of_the_chart_are_whole(open_page: OpenPage, range_: str, language: str) -> None:
    """Of hours, days, weeks and months, with numbers that need a unit."""
    watched = open_page(language=language)
    watched.page.add_init_script(KEEP_DRAWN)
    page = watched.go(f"/analytics?{range_}")
    page.wait_for_selector(".uplot canvas")
    page.evaluate("""() => {
      document.querySelectorAll("#activity-table [data-value]").forEach((cell, n) => (cell.dataset.value = 123400 + n));
      document.dispatchEvent(new Event("htmx:after:settle"));
    }""")
    for width in (320, 390, 768, 1024, 1280, 2560):
        page.evaluate(NEXT_FRAME)
        page.evaluate("window.drawn = []")  # with the numbers before, at another width
        page.set_viewport_size({"width": width, "height": 800})
        wait_until(lambda: page.evaluate("window.drawn.length"), 30)
        page.evaluate(NEXT_FRAME)
        assert not page.evaluate(CUT_LABELS), (width, range_)
    watched.check()


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_how_a_figure_is_counted_is_told_within_the_window(open_page: OpenPage, width: int) -> None:
    page = open_page(size=(width, 800), language="ru-RU").go("/analytics")
    for name in page.locator(".figure-name").all():
        name.focus()
        hint = name.locator("xpath=following-sibling::*[contains(@class, 'hint')]")
        expect(hint).to_be_visible()
        box = hint.bounding_box()
        assert box is not None
        assert box["x"] >= 0, width
        assert box["x"] + box["width"] <= width, width
        assert sticks_out(page) <= 0
