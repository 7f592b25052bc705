"""Images of an OpenAI-compatible provider, and what is none."""

import json
from functools import partial

import pytest

from bot.llm.base import LlmError
from bot.llm.openai import openai_image
from tests.support.fakes.openai_server import Fault, OpenAiServer
from tests.support.llm_backends import provider


@pytest.mark.parametrize("by_url", [False, True])
async def test_images_come_as_base64_or_by_address(server: OpenAiServer, by_url: bool) -> None:
    server.images_by_url = by_url
    backend = provider(server.url)
    make = partial(openai_image, provider=backend, model="painter", size="512x512")
    image = await make("a lighthouse")
    assert image.content_type == "image/png"
    assert server.requests == [{"model": "painter", "prompt": "a lighthouse", "n": 1, "size": "512x512"}]
    await backend.close()


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
async def test_what_is_no_image_is_a_named_failure(server: OpenAiServer, answer: object) -> None:
    backend = provider(server.url)
    make = partial(openai_image, provider=backend, model="painter", size="512x512")
    server.fail(Fault(200, body=json.dumps(answer).encode()))
    with pytest.raises(LlmError) as failure:
        await make("a lighthouse")
    assert failure.value.error_type == "malformed_response"
    await backend.close()
