"""Whether everybody can use a page: what axe finds, and what is wider than the window, light and dark."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from playwright.sync_api import Page

COLOUR_RULES = ("color-contrast", "link-in-text-block")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FINISH_TRANSITIONS = """
() => {
  const running = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
  for (let left = running(); left.length; left = running()) left.forEach((one) => one.finish());
}
"""


def in_each_theme(page: Page) -> Iterator[str]:
    """Show the open page in one theme after the other; the last is the one of its start.

    Transitions are put to their end and not waited for: a page that draws no frames, as on a busy machine, never ends them.
    """
    dark: bool = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for theme in THEMES if dark else reversed(THEMES):
        page.emulate_media(color_scheme=theme)
        page.evaluate(FINISH_TRANSITIONS)
        yield theme


def check(page: Page, source: str, about: str = "") -> None:
    """Fail when something sticks out or axe has findings, in either theme; what no colour changes is looked at in one."""
    for rules, theme in zip(([], COLOUR_RULES), in_each_theme(page), strict=True):
        assert sticks_out(page) <= 0, (about, theme)
        found = findings(page, source, rules)
        assert not found, (about, theme, found)


def findings(page: Page, source: str, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds that is serious or worse, each with the elements at fault; by some of its rules only, if any are named."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(source)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    result: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {each['help']}: {json.dumps([node['html'][:160] for node in each['nodes'][:3]])}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def sticks_out(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
