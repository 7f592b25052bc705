"""A bot whose answers come from a model, with instrumentation of the client. Prints what it sends, a line for each case.

python -m tests.integration.chattrail.genai_bot <base URL of the model> <case>...
"""

import asyncio
import importlib
import json
import sys

from aiogram.types import Message
from openai import AsyncOpenAI, OpenAI, OpenAIError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from tests.unit.chattrail.aiogram.bench import Bench

KEY = "sk-test-key"


class Answers:
    """The handler of messages: each text is a way to ask the model."""

    def __init__(self, url: str) -> None:
        self.model = AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)
        self.blocking = OpenAI(base_url=url, api_key=KEY, max_retries=0)

    async def handle(self, message: Message) -> None:
        words = [{"role": "user", "content": message.text}]
        if message.text == "menu":
            await message.answer("Choose")
        elif message.text == "stream":
            stream = await self.model.chat.completions.create(
                model="gpt", messages=words, stream=True, stream_options={"include_usage": True}
            )
            sent, text = await message.answer("…"), ""
            async for part in stream:
                if part.choices and part.choices[0].delta.content:
                    text += part.choices[0].delta.content
                    await sent.edit_text(text)
            await message.answer("Choose")
        elif message.text == "thread":
            found = await asyncio.to_thread(self.blocking.chat.completions.create, model="gpt", messages=words)
            await message.answer(found.choices[0].message.content)
        else:
            try:
                found = await self.model.chat.completions.create(model="gpt", messages=words)
                await message.answer(found.choices[0].message.content)
            except OpenAIError:
                await message.answer("Sorry")


async def main(url: str, *cases: str) -> None:
    """Feed an update for each way to ask, with each set of instrumentations: `openai_v2+openai` are two at once."""
    bench = Bench()
    answers = Answers(url)
    bench.on_message(answers.handle)
    await bench.say("menu")
    trace.set_tracer_provider(TracerProvider())  # after the bot was instrumented, as in many programs
    for case in cases:
        used = [importlib.import_module(f"opentelemetry.instrumentation.{name}") for name in case.split("+")]
        instrumentors = [module.OpenAIInstrumentor() for module in used]
        for one in instrumentors:
            one.instrument()
        assert bench.tracker.flush()
        bench.memory.clear()
        for text in ("how are you", "stream", "thread", "menu", "fail"):
            await bench.say(text)
        print(json.dumps([event for event in bench.events if event["type"] != "user_message"]))
        for one in reversed(instrumentors):
            one.uninstrument()
    await answers.model.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
