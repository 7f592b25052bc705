"""Fixtures of the browser tests: the stack, a Chromium, and pages that remember everything that went wrong in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.browser.population import populate, populate_notes
from tests.browser.stack import PASSWORD, Stack, running_stack
from tests.support import tools
from web.build import build, node_modules

WIDE, NARROW = (1280, 800), (390, 844)
WATCH_POLICY = """
window.policyViolations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.policyViolations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Watched:
    """A page and what it did that it should not have."""

    page: Page
    home: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def go(self, path: str) -> Page:
        """Open a path of the web part; its scripts have run when this returns."""
        self.page.goto(self.home + path)
        return self.page

    def check(self) -> None:
        """Fail when anything went wrong since the page was made, also in what it asked for by itself."""
        assert not self.faults_but()
        scripted: list[str] = self.page.evaluate("window.policyViolations ?? []")
        assert not scripted

    def faults_but(self, expected: str | None = None) -> list[str]:
        """What went wrong, also in what the page asked for by itself, but for what holds a text."""
        self.page.wait_for_load_state("networkidle")
        return [fault for fault in self.faults if expected is None or expected not in fault]

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:")):
            self.faults.append(f"request to {request.url}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack with a fortnight of people in it, and a second bot."""
    build()
    with running_stack(tmp_path_factory.mktemp("browser")) as running:
        tracker = running.tracker()
        populate(tracker, datetime.now(UTC))
        running.finish(tracker)
        notes = running.tracker("notes-bot")
        populate_notes(notes, datetime.now(UTC))
        running.finish(notes)
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for a module: Playwright's loop must have ended before another module's async tests begin."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=tools.chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def login(chromium: Browser, stack: Stack) -> Any:
    """The cookies of somebody who signed in through the form."""
    return sign_in(chromium, stack.web_url)


def sign_in(browser: Browser, web_url: str) -> Any:
    """Sign in by the password and return the cookies."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{web_url}/login")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/analytics")
    state = context.storage_state()
    context.close()
    return state


OpenPage = Callable[..., Watched]


@pytest.fixture
def open_page(chromium: Browser, stack: Stack, login: Any) -> Iterator[OpenPage]:
    """Make watched pages, signed in: `open_page(size=NARROW, theme="dark", scripts=False)`."""
    contexts: list[BrowserContext] = []

    def opened(
        *,
        size: tuple[int, int] = WIDE,
        theme: str = "light",
        scripts: bool = True,
        language: str = "en-GB",
        home: str = "",
        state: Any = None,
    ) -> Watched:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
            locale=language,
            base_url=home or stack.web_url,
            storage_state=state if state is not None else login,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        if scripts:
            page.add_init_script(WATCH_POLICY)
        return Watched(page, home or stack.web_url)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The script of axe-core, by the same lockfile as the pages' own packages."""
    return Path(node_modules() / "axe-core" / "axe.min.js").read_text()
