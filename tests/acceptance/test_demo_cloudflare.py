"""`make demo CLOUDFLARE=fake`: a picture that the bot drew is kept, privately, by the simulated Cloudflare."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.conftest import Whole, whole_stack
from tests.bot_support import begin_story


async def images_at(cloudflare: str) -> list[dict[str, Any]]:
    """What the simulated Cloudflare holds, drafts aside."""
    async with httpx.AsyncClient(timeout=20) as client:
        held = (await client.get(f"{cloudflare}/_simulation")).json()["records"]
    return [record for record in held if not record["draft"]]


def address(whole: Whole) -> str:
    port = next(service.port for service in whole.layout.services if service.name == "cloudflare")
    return f"http://127.0.0.1:{port}"


async def test_a_picture_arrives_at_the_simulated_cloudflare_and_is_there_the_next_time(tmp_path: Path) -> None:
    without = ("web",)
    async with whole_stack(tmp_path, cloudflare="fake", collector=False, without=without) as whole:
        ann = whole.telegram.person(1001, name="Ann")
        await begin_story(ann)
        await ann.press("picture:new")
        await ann.wait(lambda message: message.photo)
        async with asyncio.timeout(60):
            while not (kept := await images_at(address(whole))):  # noqa: ASYNC110 -- another process has no event
                await asyncio.sleep(0.1)
    assert len(kept) == 1
    assert kept[0]["private"]
    assert not list((tmp_path / "images").rglob("*.*")), "it went to the folder as well"
    others = ("web", "bot", "sidecar", "clickhouse")
    async with whole_stack(tmp_path, cloudflare="fake", collector=False, without=others) as again:
        assert await images_at(address(again)) == kept
