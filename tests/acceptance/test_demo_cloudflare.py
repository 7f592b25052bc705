"""`make demo CLOUDFLARE=fake`: an image that the bot drew is kept, privately, by the simulated Cloudflare, and shown."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.conftest import Whole, whole_stack
from tests.support.bot_support import begin_story


async def images_at(cloudflare: str) -> list[dict[str, Any]]:
    """What the simulated Cloudflare holds, drafts aside."""
    async with httpx.AsyncClient(timeout=20) as client:
        held = (await client.get(f"{cloudflare}/_simulation")).json()["records"]
    return [record for record in held if not record["draft"]]


def address(whole: Whole) -> str:
    port = next(service.port for service in whole.layout.services if service.name == "cloudflare")
    return f"http://127.0.0.1:{port}"


async def sign_in(browser: httpx.AsyncClient, whole: Whole) -> None:
    """Use a one-time link."""
    headers = {"Authorization": f"Bearer {whole.secrets.api_token}"}
    link = (await browser.post(f"{whole.web_url}/api/login-links", json={}, headers=headers)).json()["url"]
    token = re.search(r'name="token" value="([^"]+)"', (await browser.get(link)).text)
    assert token
    answer = await browser.post(
        f"{whole.web_url}/login/link", data={"token": token[1]}, headers={"Origin": whole.web_url}
    )
    assert answer.status_code in (302, 303)


async def stored(whole: Whole) -> dict[str, Any]:
    """The event of Ann's image, once that is stored."""
    async with asyncio.timeout(60):
        while True:
            for event in await whole.events(1001):
                if (event["image"] or {}).get("status") == "stored":
                    return event
            await asyncio.sleep(0.1)


async def test_an_image_is_kept_by_the_simulated_cloudflare_and_shown_from_there(tmp_path: Path) -> None:
    async with whole_stack(tmp_path, cloudflare="fake", collector=False) as whole:
        ann = whole.telegram.person(1001, name="Ann")
        await begin_story(ann)
        await ann.press("picture:new")
        await ann.wait(lambda message: message.photo)
        event = await stored(whole)
        kept = await images_at(address(whole))
        assert [record["private"] for record in kept] == [True]
        assert not list((tmp_path / "images").rglob("*.*")), "it went to the folder as well"
        async with httpx.AsyncClient(timeout=20) as browser:
            await sign_in(browser, whole)
            redirect = await browser.get(f"{whole.web_url}/images/{event['id']}", params={"size": "thumbnail"})
            link = redirect.headers["Location"]
            assert link.startswith(f"{address(whole)}/")
            image = await browser.get(link)
            assert (image.status_code, image.headers["Content-Type"].partition("/")[0]) == (200, "image")
            assert (await browser.get(link.partition("?")[0])).status_code == 403
    others = ("web", "bot", "sidecar", "clickhouse")
    async with whole_stack(tmp_path, cloudflare="fake", collector=False, without=others) as again:
        assert await images_at(address(again)) == kept
