"""Every backend of the brain keeps the same promises; the OpenAI-compatible one is tested against a real server."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bot.brain.base import Backend, BrainError, Line, Step, Turn
from bot.brain.openai_compatible import OpenAiCompatible
from bot.brain.painter import OfflinePainter
from bot.brain.pictures import OpenAiPictures
from bot.brain.pipeline import Brain
from bot.brain.provider import Provider
from bot.brain.scripted import Scripted
from bot.personas import load_cast
from tests.fakes.openai_server import KEY, Fault, OpenAiServer

SECRET = "my secret is that I like thunder"


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as running:
        yield running


def provider(url: str, *, key: str | None = KEY, timeout: float = 10, attempts: int = 3) -> Provider:
    return Provider(
        base_url=url,
        key=key,
        timeout=timeout,
        attempts=attempts,
        variables="CHATTRAIL_BOT_AI_KEY",
        wait_initial=0.01,
    )


@pytest.fixture(params=["scripted", "openai_compatible"])
async def backend(request: pytest.FixtureRequest, server: OpenAiServer) -> AsyncIterator[Backend]:
    made: Backend
    if request.param == "scripted":
        made = Scripted(seed=7)
    else:
        made = OpenAiCompatible(provider(server.url), model="small", max_tokens=100)
    yield made
    await made.close()


@pytest.fixture
async def remote(server: OpenAiServer) -> AsyncIterator[OpenAiCompatible]:
    made = OpenAiCompatible(provider(server.url), model="small", max_tokens=100)
    yield made
    await made.close()


def turn(said: str = "How are you doing?", language: str = "en") -> Turn:
    persona = load_cast().personas[0]
    story = persona.stories[0]
    return Turn(persona, story, language, (Line("assistant", story.opening[language]), Line("user", said)))


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
    turns = [turn(f"number {number}") for number in range(20)]
    alone = [(await backend.complete(Step.DIALOGUE, one)).text for one in turns]
    together = await asyncio.gather(*(backend.complete(Step.DIALOGUE, one) for one in turns))
    assert [said.text for said in together] == alone


async def test_close_may_be_called_twice(backend: Backend) -> None:
    await backend.close()
    await backend.close()


async def test_the_pipeline_goes_from_dialogue_to_picture(backend: Backend) -> None:
    brain = Brain(backend, OfflinePainter(seed=7))
    answer = await brain.answer(turn())
    assert answer.text
    assert answer.duration_ms > 0
    picture = await brain.picture(await brain.picture_prompt(turn()))
    assert picture.data.startswith(b"\x89PNG")


async def test_the_wire_format_is_the_documented_one(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    answer = await remote.complete(Step.DIALOGUE, turn("Bonjour"))
    assert answer.text == server.answer
    assert answer.response_model == "small-2026-01-01"
    (body,) = server.requests
    assert body["model"] == "small"
    assert body["max_tokens"] == 100
    assert [message["role"] for message in body["messages"]] == ["system", "assistant", "user"]
    assert body["messages"][-1]["content"] == "Bonjour"
    assert "Mira" in body["messages"][0]["content"]


async def test_a_busy_provider_is_asked_again_after_the_time_it_names(
    server: OpenAiServer, remote: OpenAiCompatible
) -> None:
    server.fail(Fault(429, {"Retry-After": "1"}))
    started = time.monotonic()
    assert (await remote.complete(Step.DIALOGUE, turn())).text == server.answer
    assert time.monotonic() - started >= 1.0
    assert len(server.requests) == 2


async def test_a_provider_that_wants_too_long_a_pause_fails_at_once(server: OpenAiServer) -> None:
    backend = OpenAiCompatible(provider(server.url, timeout=5), model="small", max_tokens=100)
    server.fail(Fault(429, {"Retry-After": "60"}))
    started = time.monotonic()
    with pytest.raises(BrainError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "rate_limited"
    assert time.monotonic() - started < 2
    await backend.close()


async def test_a_broken_provider_is_tried_as_often_as_set(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    server.fail(*(Fault(500) for _ in range(3)))
    with pytest.raises(BrainError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "provider_error"
    assert len(server.requests) == 3
    server.fail(Fault(503), Fault(502))
    assert (await remote.complete(Step.DIALOGUE, turn())).text == server.answer


@pytest.mark.parametrize(("status", "name"), [(400, "bad_request"), (401, "unauthorized"), (404, "model_not_found")])
async def test_a_refusal_is_not_repeated(
    server: OpenAiServer, remote: OpenAiCompatible, status: int, name: str
) -> None:
    server.fail(Fault(status))
    with pytest.raises(BrainError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == name
    assert len(server.requests) == 1


async def test_a_wrong_key_names_the_setting_and_never_the_key(
    server: OpenAiServer, caplog: pytest.LogCaptureFixture
) -> None:
    backend = OpenAiCompatible(provider(server.url, key="sk-wrong-one"), model="small", max_tokens=100)
    with caplog.at_level(logging.DEBUG, "bot"), pytest.raises(BrainError) as failure:
        await backend.complete(Step.DIALOGUE, turn(SECRET))
    assert failure.value.error_type == "unauthorized"
    assert "CHATTRAIL_BOT_AI_KEY" in caplog.text
    assert "sk-wrong-one" not in caplog.text + str(failure.value)
    assert SECRET not in caplog.text + str(failure.value)
    await backend.close()


NONSENSE: list[bytes] = [
    b"<html>gateway</html>",
    b"",
    b"[1, 2]",
    b"{}",
    b'{"choices": []}',
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": "  "}, "finish_reason": "stop"}]}',
    b'{"choices": "none"}',
    b"\xff\xfe\x00",
    b"[" * 20000,
]


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_is_a_named_failure(server: OpenAiServer, remote: OpenAiCompatible, body: bytes) -> None:
    server.fail(*(Fault(200, body=body) for _ in range(3)))
    with pytest.raises(BrainError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type in {"malformed_response", "empty_response"}


async def test_a_filtered_answer_is_told_apart(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"}]}
    server.fail(Fault(200, body=json.dumps(body).encode()))
    with pytest.raises(BrainError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "content_filter"


async def test_odd_usage_is_left_out(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    body = {"choices": [{"message": {"content": " hi "}}], "usage": {"prompt_tokens": "many"}, "model": 5}
    server.fail(Fault(200, body=json.dumps(body).encode()))
    said = await remote.complete(Step.DIALOGUE, turn())
    assert (said.text, said.input_tokens, said.output_tokens, said.response_model) == ("hi", None, None, None)


async def test_a_provider_that_hangs_costs_the_time_limit_and_no_more(server: OpenAiServer) -> None:
    backend = OpenAiCompatible(provider(server.url, timeout=0.5), model="small", max_tokens=100)
    server.fail(Fault(hang=True))
    started = time.monotonic()
    with pytest.raises(BrainError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "timeout"
    assert time.monotonic() - started < 3
    await backend.close()


async def test_a_provider_that_is_not_there(server: OpenAiServer, unused_tcp_port_factory: Callable[[], int]) -> None:
    backend = OpenAiCompatible(
        provider(f"http://127.0.0.1:{unused_tcp_port_factory()}/v1"), model="small", max_tokens=100
    )
    with pytest.raises(BrainError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "network"
    await backend.close()


async def test_a_cancelled_answer_leaves_the_backend_usable(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    server.fail(Fault(hang=True))
    task = asyncio.create_task(remote.complete(Step.DIALOGUE, turn()))
    await server.arrived(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await remote.complete(Step.DIALOGUE, turn())).text == server.answer


@pytest.mark.parametrize("by_url", [False, True])
async def test_pictures_come_as_base64_or_by_address(server: OpenAiServer, by_url: bool) -> None:
    server.pictures_by_url = by_url
    pictures = OpenAiPictures(provider(server.url), model="painter", size="512x512")
    picture = await pictures.make("a lighthouse")
    assert picture.content_type == "image/png"
    assert server.requests == [{"model": "painter", "prompt": "a lighthouse", "n": 1, "size": "512x512"}]
    await pictures.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": [{}]},
        {"data": [{"b64_json": "!!!"}]},
        {"data": [{"b64_json": "aGVsbG8="}]},
        {"data": [{"url": "http://192.0.2.1/elsewhere.png"}]},
        {"data": [{"url": "file:///etc/passwd"}]},
        {"data": "none"},
    ],
)
async def test_what_is_no_picture_is_a_named_failure(server: OpenAiServer, answer: object) -> None:
    pictures = OpenAiPictures(provider(server.url), model="painter", size="512x512")
    server.fail(Fault(200, body=json.dumps(answer).encode()))
    with pytest.raises(BrainError) as failure:
        await pictures.make("a lighthouse")
    assert failure.value.error_type == "malformed_response"
    await pictures.close()
