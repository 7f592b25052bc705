"""The main job: a person does everything a person can do, and each event is read back through the API and on the page."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from chattrail.events import EVENT_TYPES
from stack.simulators.telegram.person import Person
from tests.acceptance.conftest import Whole, whole_stack
from tests.support.bot_support import begin_story, has_button
from tests.support.tools import chromium

SHOWN_WITHIN_S = 30.0
OF_OTHER_BOTS = {"chat_action", "custom", "message_deleted", "poll"}  # in tests/integration/public_bots


async def until(what: str, condition: Callable[[], Any]) -> Any:
    """Wait until an awaited condition is true and return it; fail with what was waited for."""
    deadline = time.monotonic() + SHOWN_WITHIN_S
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)
    return value


async def do_everything(ann: Person, whole: Whole) -> None:
    """Cause every type of event at least once."""
    await begin_story(ann)
    said = await ann.send("Hello! How is it?")
    await ann.wait()
    await ann.edit(said, "Hello! How are you today?")
    await ann.react(said, "👍")
    await ann.press("picture:new")
    await ann.wait(lambda message: message.photo)
    await ann.press("picture:again")
    await ann.wait(lambda message: message.photo)
    await ann.send("/premium")
    await ann.wait(has_button("premium:month"))
    await ann.press("premium:month")
    await ann.wait(lambda message: message.invoice)
    charge = await ann.pay()
    await ann.wait()
    await whole.telegram.person(1, name="Owner").send(f"/refund {ann.id} {charge}")
    await asyncio.sleep(0)
    await until("the refund", lambda: _types_of(whole, ann, action="refunded"))
    await ann.send("/help")
    await ann.wait()
    await asyncio.sleep(1.5)  # longer than idle_minutes: the bot then asks whether to continue
    await ann.send("I am back")
    await ann.wait(has_button("chat:continue"))
    await ann.press("chat:continue")
    await ann.wait()
    await ann.send("/clear")
    await ann.wait(has_button("clear:yes"))
    await ann.press("clear:yes")
    await ann.wait()
    whole.telegram.fail_next("sendMessage", code=400, description="Bad Request: chat not found")
    await ann.send("/help")
    await until("the failure", lambda: _types_of(whole, ann, type_="handler_failed"))
    await ann.block()
    await until("the block", lambda: _types_of(whole, ann, type_="bot_blocked"))
    await ann.unblock()
    await until("the unblock", lambda: _types_of(whole, ann, type_="bot_unblocked"))


async def _types_of(whole: Whole, person: Person, *, type_: str = "premium_action", action: str = "") -> bool:
    return any(
        event["type"] == type_ and event["attributes"].get("chattrail.premium.action", "") == action
        for event in await whole.events(person.id)
    )


async def test_every_event_type_travels_from_telegram_to_the_page(tmp_path: Path) -> None:
    async with whole_stack(tmp_path, CHATTRAIL_BOT_IDLE_MINUTES="0.02", CHATTRAIL_BOT_ADMIN_IDS="1") as whole:
        ann = whole.telegram.person(1001, name="Ann Ames", username="ann", language_code="en")
        await do_everything(ann, whole)
        events = await until("the whole trail", lambda: _complete(whole, ann))
        await until("the list of users", lambda: _counted(whole, events))
        await _figures_agree(whole, events)
        await _tap_to_api(whole, ann)
        await _on_the_page(whole, ann)


async def _complete(whole: Whole, person: Person) -> list[dict[str, Any]]:
    events = await whole.events(person.id)
    seen = {event["type"] for event in events}
    stored = [e for e in events if e["type"] == "image_generated" and e["image"] and e["image"]["status"] == "stored"]
    return events if seen == set(EVENT_TYPES) - OF_OTHER_BOTS and len(stored) == 2 else []


async def _counted(whole: Whole, events: list[dict[str, Any]]) -> bool:
    """Whether all that the trail has is in the list of users, which is the last to be recomputed."""
    messages = sum(event["type"] == "user_message" for event in events)
    return [row["messages"] for row in (await whole.api("users")).json()["users"]] == [messages]


async def _figures_agree(whole: Whole, events: list[dict[str, Any]]) -> None:
    """The statistics and the list of users say what the trail says."""
    types = [event["type"] for event in events]
    (row,) = (await whole.api("users")).json()["users"]  # the owner, who gave the refund, is no user
    assert (row["client_id"], row["name"], row["username"]) == ("1001", "Ann Ames", "ann")
    assert row["messages"] == types.count("user_message")
    assert row["pictures"] == types.count("image_generated") == 2
    assert row["stars"] == 0  # paid and refunded
    figures = (await whole.api("stats", range="7d")).json()
    assert figures["figures"]["people"]["value"] == 1
    assert figures["figures"]["pictures"]["value"] == 2
    assert figures["premium"]["payments"] == figures["premium"]["refunds"] == 1
    assert [step["people"] for step in figures["funnel"]] == [1, 1, 1, 1, 1]
    sequences = sorted(event["sequence"] for event in events)
    assert len(set(sequences)) == len(sequences)


async def _tap_to_api(whole: Whole, person: Person) -> None:
    """From a tap in Telegram to the JSON API."""
    await person.send("/premium")
    before = [event["id"] for event in await whole.events(person.id)]
    await until("the tap", lambda: _newer_command(whole, person, before))


async def _newer_command(whole: Whole, person: Person, before: list[str]) -> bool:
    return any(e["type"] == "command" and e["id"] not in before for e in await whole.events(person.id))


async def _on_the_page(whole: Whole, person: Person) -> None:
    """The trail in a real browser: both sides of the chat, badges, and images that have loaded."""
    events = await whole.events(person.id)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await page.goto(f"{whole.web_url}/login")
        await page.fill("#password", whole.secrets.web_password)
        await page.click("button[type=submit]")
        await page.wait_for_url("**/analytics")
        await page.goto(f"{whole.web_url}/analytics/users/{person.id}?limit=200")
        for event in events:
            shown = page.locator(f"[id='e-{event['id']}']")
            assert await shown.count() == 1, f"{event['type']} is not on the page"
        loaded = "images => images.filter(i => i.complete && i.naturalWidth > 100).length"
        images = page.locator("img[src*='/images/']")
        for at in range(await images.count()):
            await images.nth(at).scroll_into_view_if_needed()
        await page.wait_for_load_state("networkidle")
        assert await images.evaluate_all(loaded) == 2
        assert await page.get_by_text("Hello! How are you today?").is_visible()
        await browser.close()
