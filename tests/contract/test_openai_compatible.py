"""The OpenAI-compatible backend against a real server: the wire format, and every way in which a provider fails."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bot.llm.base import LlmError, Step
from bot.llm.openai import OpenAiCompatible
from tests.support.fakes.openai_server import Fault, OpenAiServer
from tests.support.llm_backends import provider, turn

SECRET = "my secret is that I like thunder"


@pytest.fixture
async def remote(server: OpenAiServer) -> AsyncIterator[OpenAiCompatible]:
    made = OpenAiCompatible(provider(server.url), model="small", max_tokens=100)
    yield made
    await made._http.close()


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
    with pytest.raises(LlmError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "rate_limited"
    assert len(server.requests) == 1
    await backend._http.close()


async def test_a_broken_provider_is_tried_as_often_as_set(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    server.fail(*(Fault(500) for _ in range(3)))
    with pytest.raises(LlmError) as failure:
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
    with pytest.raises(LlmError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == name
    assert len(server.requests) == 1


async def test_a_wrong_key_names_the_setting_and_never_the_key(
    server: OpenAiServer, caplog: pytest.LogCaptureFixture
) -> None:
    backend = OpenAiCompatible(provider(server.url, key="sk-wrong-one"), model="small", max_tokens=100)
    with caplog.at_level(logging.DEBUG, "bot"), pytest.raises(LlmError) as failure:
        await backend.complete(Step.DIALOGUE, turn(SECRET))
    assert failure.value.error_type == "unauthorized"
    assert "CHATTRAIL_BOT_AI_KEY" in caplog.text
    assert "sk-wrong-one" not in caplog.text + str(failure.value)
    assert SECRET not in caplog.text + str(failure.value)
    await backend._http.close()


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
    with pytest.raises(LlmError) as failure:
        await remote.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type in {"malformed_response", "empty_response"}


async def test_a_filtered_answer_is_told_apart(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"}]}
    server.fail(Fault(200, body=json.dumps(body).encode()))
    with pytest.raises(LlmError) as failure:
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
    with pytest.raises(LlmError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "timeout"
    await backend._http.close()


async def test_a_provider_that_is_not_there(server: OpenAiServer, unused_tcp_port_factory: Callable[[], int]) -> None:
    backend = OpenAiCompatible(
        provider(f"http://127.0.0.1:{unused_tcp_port_factory()}/v1"), model="small", max_tokens=100
    )
    with pytest.raises(LlmError) as failure:
        await backend.complete(Step.DIALOGUE, turn())
    assert failure.value.error_type == "network"
    await backend._http.close()


async def test_a_cancelled_answer_leaves_the_backend_usable(server: OpenAiServer, remote: OpenAiCompatible) -> None:
    server.fail(Fault(hang=True))
    task = asyncio.create_task(remote.complete(Step.DIALOGUE, turn()))
    await server.arrived(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await remote.complete(Step.DIALOGUE, turn())).text == server.answer
