"""Every model backend keeps the same promises."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.llm.base import Backend, Step
from bot.llm.offline import Scripted, offline_image
from bot.llm.openai import OpenAiCompatible
from tests.support.fakes.openai_server import OpenAiServer
from tests.support.llm_backends import provider, turn


@pytest.fixture(params=["scripted", "openai_compatible"])
async def backend(request: pytest.FixtureRequest, server: OpenAiServer) -> AsyncIterator[Backend]:
    if request.param == "scripted":
        yield Scripted(seed=7)
        return
    http = provider(server.url)
    yield OpenAiCompatible(http, model="small", max_tokens=100)
    await http.close()
    await http.close()  # closing twice does no harm


@pytest.mark.parametrize("step", list(Step))
async def test_every_step_gives_words_and_counts(backend: Backend, step: Step) -> None:
    said = await backend.complete(step, turn(), scene="a lighthouse at night")
    assert said.text.strip() == said.text != ""
    assert said.response_model
    assert said.input_tokens is not None
    assert said.input_tokens > 0
    assert said.output_tokens is not None
    assert said.output_tokens > 0


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("said", ["Hello", "Привет!", "", "🙂" * 500, "\ud800 lone", "<b>&amp;</b>", "x" * 4096])
async def test_whatever_a_person_writes_gets_an_answer(backend: Backend, said: str, language: str) -> None:
    assert (await backend.complete(Step.DIALOGUE, turn(said, language))).text


async def test_answers_at_the_same_time_do_not_mix(backend: Backend) -> None:
    asked = [turn(f"number {number}") for number in range(20)]
    alone = [(await backend.complete(Step.DIALOGUE, one)).text for one in asked]
    together = await asyncio.gather(*(backend.complete(Step.DIALOGUE, one) for one in asked))
    assert [said.text for said in together] == alone


async def test_a_moment_becomes_a_scene_and_then_a_prompt(backend: Backend) -> None:
    scene = await backend.complete(Step.SCENE, turn())
    prompt = await backend.complete(Step.IMAGE_PROMPT, turn(), scene=scene.text)
    image = await offline_image(prompt.text, seed=7)
    assert image.data.startswith(b"\xff\xd8\xff")
