"""The images of a trail: small in their bubbles, large on a click or a key, and what stands where one is missing."""

import asyncio
import itertools
import queue
import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Browser, Page, expect

from chattrail import events
from chattrail.context import Chat, Person
from stack.simulators.cloudflare.server import CloudflareServer
from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage, sign_in
from tests.browser.population import drawn_image
from tests.browser.stack import Part, Stack, wait_until, web_environment
from tests.support.cloudflare_store import cloudflare_store, keep
from tests.support.uploads import Notes

ROOM = itertools.count(950_000)
REASONS = {"pending": "", "failed": "the picture's host answered 404", "erased": ""}
PROMPT = "a pier in the fog, " * 20


def trail_of(stack: Stack, *images: events.ImageGenerated) -> tuple[str, dict[str, str]]:
    """Somebody new who got these images; the address of the trail, and the events' ids by image_id."""
    person = Person(next(ROOM), name="Ann", language_code="en")
    start = datetime.now(UTC) - timedelta(hours=1)
    place = {"user": person, "chat": Chat(int(person.id))}
    stack.send(*((each, {**place, "timestamp": start + timedelta(minutes=n)}) for n, each in enumerate(images)))
    with database(stack) as client:
        rows = client.query(
            "SELECT image_id, toString(event_id) FROM events FINAL WHERE user_id = {id:String}", {"id": str(person.id)}
        ).result_rows
    return f"/analytics/users/{person.id}?order=asc", dict(rows)  # oldest first is no live page: nothing moves


def database(stack: Stack) -> Any:
    return clickhouse_connect.get_client(dsn=stack.clickhouse.url, autogenerate_session_id=False)


def kept(stack: Stack, event_id: str, status: str, **changes: Any) -> None:
    row = {
        "event_id": event_id,
        "status": status,
        "created_at": datetime.now(UTC),
        "updated_at": datetime.now(UTC),
        **changes,
    }
    with database(stack) as client:
        client.insert("images", [list(row.values())], column_names=list(row))


@dataclass(frozen=True)
class Trail:
    path: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def trail(stack: Stack) -> Trail:
    """A trail with a stored image and one of each state that has none."""
    stored = events.ImageGenerated(image_id="stored", data=drawn_image(random.Random(3)), prompt=PROMPT)
    path, ids = trail_of(stack, stored, *(events.ImageGenerated(image_id=status) for status in REASONS))
    for status, reason in REASONS.items():
        kept(stack, ids[status], status, reason=reason)
    with database(stack) as client:
        asked = "SELECT count() FROM images FINAL WHERE status = 'stored' AND event_id = {id:UUID}"
        wait_until(lambda: client.query(asked, {"id": ids["stored"]}).result_rows == [(1,)])
    return Trail(path, ids)


def loaded(page: Page, selector: str) -> int:
    """Wait until an image is there; its width in pixels."""
    image = page.locator(selector).first
    expect(image).to_be_attached(timeout=30_000)
    expect(image).not_to_have_js_property("naturalWidth", 0, timeout=30_000)
    width: int = page.evaluate("(s) => document.querySelector(s).naturalWidth", selector)
    return width


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_placeholders_and_viewer_are_in_order(
    trail: Trail, open_page: OpenPage, axe_source: str, size: tuple[int, int], theme: str
) -> None:
    watched = open_page(size=size, theme=theme)
    page = watched.go(trail.path)
    expect(page.locator("[data-image=pending]")).to_contain_text("It will appear here by itself.")
    expect(page.locator("[data-image=failed]")).to_contain_text("answered 404")
    expect(page.locator("[data-image=erased]")).to_contain_text("It cannot be brought back.")
    check(page, axe_source)
    page.locator("a.image").click()
    assert loaded(page, "#viewer img") == 384
    viewer, image = page.locator("#viewer").bounding_box(), page.locator("#viewer img").bounding_box()
    assert viewer is not None
    assert image is not None
    assert viewer["x"] >= 0
    assert viewer["x"] + viewer["width"] <= size[0]
    assert viewer["y"] + viewer["height"] <= size[1]
    assert image["width"] / image["height"] == pytest.approx(384 / 288, rel=0.01)
    check(page, axe_source)
    watched.check()


def test_the_keyboard_opens_closes_and_comes_back(trail: Trail, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go(trail.path)
    link, viewer = page.locator("a.image"), page.locator("#viewer")
    for leave in ("Escape", "Enter"):  # Enter: the button, which has the focus
        link.focus()
        page.keyboard.press("Enter")
        expect(viewer).to_be_visible()
        expect(viewer.get_by_role("img")).to_have_attribute("alt", link.locator("img").get_attribute("alt") or "")
        expect(viewer.get_by_role("button", name="Close")).to_be_focused()
        for _ in range(4):  # the focus does not leave for the page behind
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('#viewer')"
            )
        viewer.get_by_role("button", name="Close").focus()
        page.keyboard.press(leave)
        expect(viewer).not_to_be_visible()
        expect(link).to_be_focused()
    link.click()
    page.mouse.click(5, 5)  # beside it
    expect(viewer).not_to_be_visible()
    watched.check()


def test_it_is_a_plain_link_to_who_wants_one(trail: Trail, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go(trail.path)
    with page.context.expect_page() as opened:
        page.locator("a.image").click(modifiers=["ControlOrMeta"])
    assert opened.value.url.endswith(f"/images/{trail.ids['stored']}")
    expect(page.locator("#viewer")).not_to_be_visible()
    plain = open_page(scripts=False).go(trail.path)
    with plain.context.expect_page() as opened:
        plain.locator("a.image").click()
    opened.value.wait_for_load_state()
    assert opened.value.url.endswith(f"/images/{trail.ids['stored']}")
    assert opened.value.locator("img").count() == 1  # as browsers show an image
    expect(plain.locator("#viewer")).not_to_be_visible()


def test_an_image_that_was_erased_meanwhile_says_so(stack: Stack, open_page: OpenPage) -> None:
    path, ids = trail_of(stack, events.ImageGenerated(image_id="brief"))
    kept(
        stack, ids["brief"], "stored", store="directory", key="gone.png", content_type="image/png", width=40, height=30
    )
    watched = open_page()
    page = watched.go(path)
    page.locator("a.image").click()
    expect(page.locator("#viewer").get_by_role("alert")).to_contain_text("cannot be shown now")
    assert not watched.faults_but("404")


@dataclass(frozen=True)
class Elsewhere:
    """A running Cloudflare with one image."""

    server: CloudflareServer
    key: str


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    ready: queue.Queue[Elsewhere] = queue.Queue()
    end = threading.Event()

    async def serve() -> None:
        async with CloudflareServer() as server, cloudflare_store(server, tmp_path) as store:
            ready.put(Elsewhere(server, await keep(store, Notes())))
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))  # Playwright has the loop of this one
    thread.start()
    try:
        yield ready.get(timeout=30)
    finally:
        end.set()
        thread.join()


def test_images_at_cloudflare_are_small_in_the_trail_and_large_on_a_click(
    stack: Stack, chromium: Browser, open_page: OpenPage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    path, ids = trail_of(stack, events.ImageGenerated(image_id="there"))
    size = {"width": 512, "height": 600}
    kept(stack, ids["there"], "stored", store="cloudflare_images", key=elsewhere.key, content_type="image/jpeg", **size)
    server = elsewhere.server
    settings = {
        "CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH": server.account_hash,
        "CHATTRAIL_WEB_CLOUDFLARE_SIGNING_KEY": server.signing_key,
        "CHATTRAIL_WEB_CLOUDFLARE_THUMBNAIL_VARIANT": "thumbnail",
        "CHATTRAIL_WEB_CLOUDFLARE_DELIVERY_URL": server.delivery_url,
    }
    environment = web_environment(tmp_path, stack.clickhouse.readonly_url) | settings
    web = Part("web", r"web is ready at (http://\S+)", environment)
    try:
        home = web.wait()
        watched = open_page(home=home, state=sign_in(chromium, home))
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        page = watched.go(path)
        assert loaded(page, "a.image img") == 273  # 320 px high: the variant, and not the whole image
        page.locator("a.image").click()
        assert loaded(page, "#viewer img") == 512
        assert page.evaluate("window.policyViolations") == []
        foreign = {url.partition("?")[0] for url in asked if not url.startswith((home, "data:"))}
        base = f"{server.delivery_url}/{server.account_hash}/{elsewhere.key}"
        assert foreign == {f"{base}/thumbnail", f"{base}/public"}
        assert not watched.faults_but(server.delivery_url)
    finally:
        web.stop()
    assert "sig=" not in "".join(web.output)
    assert str(uuid.UUID(elsewhere.key)) not in "".join(web.output)
