"""Images on request, another one, the daily limit, and what happens when they fail."""

from collections.abc import AsyncIterator

import pytest

from tests.support.bot_support import begin_story, has_button, running_bot, says
from tests.support.fakes.openai_server import KEY, Fault, OpenAiServer


@pytest.fixture
async def ai() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


async def test_an_image_and_another_one() -> None:
    async with running_bot() as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.press("picture:new")
        first = await ann.wait(lambda message: message.photo)
        assert has_button("picture:again")(first)
        assert first.photo is not None
        assert first.photo[-1].width >= 512
        await ann.press("picture:again")
        second = await ann.wait(lambda message: message.photo)
        assert second.photo is not None
        assert second.photo[-1].file_unique_id != first.photo[-1].file_unique_id

        made = await bot.attributes("image_generated", ann)
        assert [one["chattrail.image.file_id"] for one in made] == [first.photo[-1].file_id, second.photo[-1].file_id]
        assert made[0]["chattrail.image.prompt"] != made[1]["chattrail.image.prompt"]
        assert all(one["chattrail.image.duration_ms"] > 0 for one in made)
        assert all("error.type" not in one for one in made)
        (refresh,) = await bot.attributes("image_refresh")
        assert refresh["chattrail.image.id"] == made[0]["chattrail.image.id"]
        assert made[0]["chattrail.image.id"] != made[1]["chattrail.image.id"]
        assert made[0]["chattrail.story.id"] == "mira_storm"


async def test_the_command_draws_too_and_needs_a_story() -> None:
    async with running_bot() as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/picture")
        await ann.wait(says("A picture needs a story"))
        await begin_story(ann)
        await ann.send("/picture")
        await ann.wait(lambda message: message.photo)


async def test_beyond_the_free_images_premium_is_offered_until_tomorrow() -> None:
    async with running_bot(free_pictures="1") as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.press("picture:new")
        await ann.wait(lambda message: message.photo)
        await ann.press("picture:again")
        await ann.wait(has_button("premium:month"))
        assert [a["chattrail.premium.action"] for a in await bot.attributes("premium_action")] == ["offered"]
        await bot.time_passes(days=1)
        await ann.press("picture:again")
        await ann.wait(lambda message: message.photo)


async def test_images_by_a_provider(ai: OpenAiServer) -> None:
    async with running_bot(picture_base_url=ai.url, picture_key=KEY, picture_model="painter-9") as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.press("picture:new")
        await ann.wait(lambda message: message.photo)
        (asked,) = ai.requests
        (made,) = await bot.attributes("image_generated")
        assert (asked["model"], asked["prompt"]) == ("painter-9", made["chattrail.image.prompt"])
        assert made["chattrail.image.content_type"] == "image/jpeg"  # what Telegram makes of any photo


async def test_an_image_that_fails_is_told_kindly_and_counted(ai: OpenAiServer) -> None:
    async with running_bot(picture_base_url=ai.url, picture_key=KEY, ai_attempts="1") as bot:
        ai.fail(Fault(500))
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.press("picture:new")
        await ann.wait(says("did not come out"))
        (failed,) = await bot.attributes("image_generated")
        assert failed["error.type"] == "provider_error"
        assert failed["chattrail.image.prompt"]
        assert "chattrail.image.file_id" not in failed
        await ann.press("picture:new")  # and the next one works
        await ann.wait(lambda message: message.photo)


async def test_while_an_image_is_made_the_person_sees_it(ai: OpenAiServer) -> None:
    async with running_bot(picture_base_url=ai.url, picture_key=KEY) as bot:
        ai.fail(Fault(200, delay=0.8))
        ann, ben = bot.telegram.person(1001), bot.telegram.person(1002)
        await begin_story(ann)
        await ann.press("picture:new")
        await ai.arrived(1)
        await ben.send("/help")  # a slow image holds up nobody else
        await ben.wait(says("/personas"))
        assert not any(message.photo for message in ann.history)
        await ann.wait(lambda message: message.photo)
        assert "upload_photo" in ann.actions
