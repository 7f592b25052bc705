"""The way from /start through persona and story into the chat, seen from the person's side and from analytics'."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.bot_support import RunningBot, begin_story, has_button, running_bot, says


@pytest.fixture
async def bot() -> AsyncIterator[RunningBot]:
    async with running_bot() as running:
        yield running


async def test_a_newcomer_gets_from_start_to_an_answer(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001, name="Ann", username="ann", language_code="en")
    await ann.send("/start summer")
    welcome = await ann.wait(has_button("persona:mira"))
    assert "Hello, Ann!" in (welcome.text or "")
    await ann.press("Mira")
    await ann.wait(has_button("story:mira_storm"))
    await ann.press("The night of the storm")
    opening = await ann.wait(says("Rain drums"))
    assert has_button("picture:new")(opening)
    await ann.send("How are you doing?")
    answer = await ann.wait(has_button("picture:new"))
    assert answer.text

    events = await bot.events(of=ann)
    assert [event.type for event in events] == [
        "start_command", "bot_message",
        "user_message", "persona_selected", "bot_message",
        "user_message", "story_selected", "bot_message",
        "user_message", "ai_message",
    ]  # fmt: skip
    start, _, pressed, persona, _, _, story, _, said, answered = [event.attributes for event in events]
    assert start["chattrail.start.payload"] == "summer"
    assert start["chattrail.start.returning"] is False
    assert (pressed["chattrail.message.kind"], pressed["chattrail.message.text"]) == ("button", "Mira")
    assert (persona["chattrail.persona.id"], persona["chattrail.persona.name"]) == ("mira", "Mira")
    assert (story["chattrail.story.id"], story["chattrail.persona.id"]) == ("mira_storm", "mira")
    assert (said["chattrail.message.text"], said["chattrail.story.id"]) == ("How are you doing?", "mira_storm")
    assert answered["chattrail.message.text"] == answer.text
    assert (answered["gen_ai.provider.name"], answered["gen_ai.request.model"]) == ("scripted", "scripted-1")
    assert answered["gen_ai.usage.input_tokens"] > 0
    assert answered["gen_ai.usage.output_tokens"] > 0
    assert answered["chattrail.ai.duration_ms"] > 0
    assert answered["chattrail.persona.id"] == "mira"


async def test_a_deep_link_leads_to_a_persona(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/start persona_otto")
    await ann.wait(has_button("story:otto_midnight"))
    assert [a["chattrail.persona.id"] for a in await bot.attributes("persona_selected")] == ["otto"]


async def test_the_same_words_get_the_same_answer_from_the_same_seed(bot: RunningBot) -> None:
    answers = []
    for number in (1, 2):
        person = bot.telegram.person(number)
        await begin_story(person)
        await person.send("Tell me a joke")
        answers.append((await person.wait(has_button("picture:new"))).text)
    assert answers[0] == answers[1]


async def test_html_in_names_and_texts_is_only_text(bot: RunningBot) -> None:
    eve = bot.telegram.person(1002, name="<b>Eve & Co</b>")
    await eve.send("/start")
    assert "<b>Eve" in ((await eve.wait(has_button("persona:mira"))).text or "")
    await begin_story(eve)
    await eve.send("<i>1 < 2 && </b>")
    await eve.wait(has_button("picture:new"))
    await eve.send("/start")
    await eve.wait(has_button("chat:continue"))
    await eve.press("chat:continue")
    await eve.wait(says("Where were we?"))
    assert not await bot.events("handler_failed")


async def test_text_before_a_story_leads_to_the_choice(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("hello?")
    await ann.wait(has_button("persona:vega"))
    await ann.press("persona:vega")
    await ann.wait(has_button("story:vega_race"))
    await ann.send("and now?")
    await ann.wait(has_button("story:vega_race"))


async def test_russian_by_language_code_and_by_choice(bot: RunningBot) -> None:
    ivan = bot.telegram.person(1003, name="Иван", language_code="ru")
    await ivan.send("/start")
    assert "Здравствуйте, Иван" in ((await ivan.wait()).text or "")
    await ivan.send("/language")
    await ivan.wait(has_button("language:en"))
    await ivan.press("language:en")
    await ivan.wait(says("in English"))
    await ivan.send("/help")
    assert "choose whom" in ((await ivan.wait(says("/personas"))).text or "")


async def test_several_messages_at_once_are_answered_one_after_another(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await asyncio.gather(*(ann.send(f"question {number}") for number in range(3)))
    for _ in range(3):
        await ann.wait(has_button("picture:new"))
    said = [
        a["chattrail.message.text"]
        for a in await bot.attributes("user_message")
        if "question" in a["chattrail.message.text"]
    ]
    assert said == ["question 0", "question 1", "question 2"]


async def test_unknown_commands_old_buttons_and_photos_get_a_polite_answer(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/teleport")
    await ann.wait(says("I do not know this command"))
    await ann.send_sticker()
    await ann.wait(says("text only"))
    kinds = [a["chattrail.message.kind"] for a in await bot.attributes("user_message")]
    assert kinds == ["sticker"]
    assert [a["chattrail.command.name"] for a in await bot.attributes("command")] == ["teleport"]
