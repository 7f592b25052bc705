"""Every model backend keeps the same promises."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.llm.base import Backend, Step
from bot.llm.offline import OfflineImages, Scripted
from bot.llm.openai import OpenAiCompatible
from bot.llm.pipeline import Llm
from tests.support.fakes.openai_server import OpenAiServer
from tests.support.llm_backends import provider, turn


@pytest.fixture(params=["scripted", "openai_compatible"])
async def backend(request: pytest.FixtureRequest, server: OpenAiServer) -> AsyncIterator[Backend]:
    made: Backend
    if request.param == "scripted":
        made = Scripted(seed=7)
    else:
        made = OpenAiCompatible(provider(server.url), model="small", max_tokens=100)
    yield made
    await made.close()


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


async def test_close_may_be_called_twice(backend: Backend) -> None:
    await backend.close()
    await backend.close()


async def test_the_pipeline_goes_from_dialogue_to_image(backend: Backend) -> None:
    llm = Llm(backend, OfflineImages(seed=7))
    assert (await llm.answer(turn())).text
    image = await llm.image(await llm.image_prompt(turn()))
    assert image.data.startswith(b"\xff\xd8\xff")
