"""A real server that speaks the format of the AI providers, errors included."""

from collections.abc import AsyncIterator

import pytest

from tests.support.fakes.openai_server import OpenAiServer


@pytest.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as running:
        yield running
