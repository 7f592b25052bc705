"""Real GenAI instrumentations of a real client, against a model on loopback: what the answers have of their spans."""

import asyncio
import json
import subprocess
from typing import Any

import pytest

from tests.support.fakes.openai_server import Fault, OpenAiServer
from tests.support.paths import ROOT
from tests.support.python_environments import locked

# The first names the provider as older conventions do (gen_ai.system), the second as the newest do.
CASES = ("openai_v2", "openai", "openai_v2+openai", "openai+openai_v2")
SENT = "gen_ai.provider.name gen_ai.request.model gen_ai.response.model gen_ai.usage.input_tokens gen_ai.usage.output_tokens"
TEXT = "The lamp is lit."


async def run_bot() -> list[list[dict[str, Any]]]:
    async with OpenAiServer() as model:
        model.answer = TEXT
        for _ in CASES:
            model.fail(*[Fault(200)] * 3, Fault(429))
        process = await asyncio.create_subprocess_exec(
            str(locked("genai")), "-m", "tests.integration.chattrail.genai_bot", model.url, *CASES,
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert len(model.requests) == 4 * len(CASES)
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[dict[str, Any]]]:
    return dict(zip(CASES, asyncio.run(run_bot()), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_an_answer_has_what_the_instrumentation_says(case: str, recorded: dict[str, list[dict[str, Any]]]) -> None:
    plain, begun, stream, choice, thread, menu, failure = recorded[case]
    answers = [(plain, 3), (thread, 1)]
    if "+" not in case:  # with two of them the outer span ends before the stream does, and is the first message's
        answers.append((stream, 1))
        assert stream["chattrail.edit.count"] == len(TEXT.split())
        assert stream["telegram.message.id"] == begun["telegram.message.id"]
        assert (begun["type"], choice["type"]) == ("bot_message", "bot_message")
    for answer, words in answers:
        assert [answer.get(name) for name in SENT.split()] == ["openai", "gpt", "gpt-2026-01-01", words, 9]
        assert answer["chattrail.message.text"] == TEXT
        assert answer["chattrail.ai.duration_ms"] > 0
        assert ("error.type" in answer, answer["type"]) == (False, "ai_message")
    assert (failure["error.type"], failure["gen_ai.request.model"]) == ("RateLimitError", "gpt")
    assert failure["chattrail.message.text"] == "Sorry"
    assert menu["type"] == "bot_message"
