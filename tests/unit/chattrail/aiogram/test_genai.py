"""What spans of GenAI instrumentation add to the answers of their update."""

from typing import Any

import pytest
from aiogram.types import Message
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider, Status, StatusCode, Tracer

from chattrail import Tracker, genai
from tests.unit.chattrail.aiogram.bench import Bench

SECOND = 10**9
FIELDS = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.response.model",
    "in": "gen_ai.usage.input_tokens",
    "out": "gen_ai.usage.output_tokens",
    "ms": "chattrail.ai.duration_ms",
    "error": "error.type",
}


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    """A tracer of a provider that is set when the bot is instrumented already."""
    provider = TracerProvider()
    monkeypatch.setattr(genai, "get_tracer_provider", lambda: provider)
    return provider.get_tracer("genai")


def call(tracer: Tracer, number: int = 1, ms: int = 1500, error: str | None = None, **said: Any) -> None:
    """Make the span of a model call, whose tokens are `number` and ten times as many."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
        "gen_ai.response.model": f"m-{number}", "gen_ai.usage.input_tokens": 10 * number,
        "gen_ai.usage.output_tokens": number,
    } | {name.replace("__", "."): value for name, value in said.items()}  # fmt: skip
    known = {name: value for name, value in attributes.items() if value is not None}
    span = tracer.start_span("chat m", attributes=known, start_time=SECOND)
    if error is not None:
        span.set_status(Status(StatusCode.ERROR))
        if error:
            span.set_attribute("error.type", error)
    span.end(SECOND + ms * 10**6)


def said(event: dict[str, Any]) -> dict[str, Any]:
    return {short: event[name] for short, name in FIELDS.items() if name in event}


async def answers(bench: Bench) -> list[dict[str, Any]]:
    await bench.say("hi")
    return [said(event) for event in bench.events[1:]]


async def test_the_next_answer_has_what_the_span_says(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        await message.answer("One moment")
        call(tracer)
        await message.answer("Here you are")
        await message.answer("Anything else?")

    bench.on_message(handle)
    before, answer, after = await answers(bench)
    assert answer == {"provider": "openai", "model": "m-1", "in": 10, "out": 1, "ms": 1500.0}
    assert before == after == {}


async def test_calls_of_one_answer_are_added_up(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        call(tracer)
        call(tracer, 2, gen_ai__operation__name="text_completion")
        await message.answer("Here you are")
        call(tracer, 5, 70)
        await message.answer("And more")

    bench.on_message(handle)
    assert await answers(bench) == [
        {"provider": "openai", "model": "m-2", "in": 30, "out": 3, "ms": 3000.0},
        {"provider": "openai", "model": "m-5", "in": 50, "out": 5, "ms": 70.0},
    ]


@pytest.mark.parametrize(
    ("calls", "model", "error"),
    [
        ([None, "TimeoutError"], "m-1", "TimeoutError"),
        (["TimeoutError", None], "m-2", None),
        (["A", "B"], "m-2", "B"),
        ([""], "m-1", "_OTHER"),
    ],
)
async def test_a_failure_stands_on_what_is_sent_after_it(
    bench: Bench, tracer: Tracer, calls: list[str | None], model: str, error: str | None
) -> None:
    async def handle(message: Message) -> None:
        for number, fault in enumerate(calls, 1):
            call(tracer, number, error=fault)
        await message.answer("Sorry" if error else "Here you are")

    bench.on_message(handle)
    (answer,) = await answers(bench)
    assert (answer["model"], answer.get("error")) == (model, error)


async def test_what_the_bot_says_wins(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(response_model="mine", input_tokens=7, duration_ms=None):
            call(tracer)
            await message.answer("Here you are")
            await message.answer("Part two")
            call(tracer, 2)
            await message.answer("And more")

    bench.on_message(handle)
    first, second, third = await answers(bench)
    assert first == {"provider": "openai", "model": "mine", "in": 7, "out": 1, "ms": 1500.0}
    assert second == {"model": "mine"}
    assert third == {"provider": "openai", "model": "mine", "in": 20, "out": 2, "ms": 1500.0}


@pytest.mark.parametrize("operation", ["embeddings", "execute_tool", "invoke_agent", None])
async def test_other_spans_are_no_answers(bench: Bench, tracer: Tracer, operation: str | None) -> None:
    async def handle(message: Message) -> None:
        call(tracer, gen_ai__operation__name=operation)
        await message.answer("Hello")

    bench.on_message(handle)
    assert await answers(bench) == [{}]


async def test_two_instrumentations_of_one_call_count_once(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "outer",
            "gen_ai.usage.input_tokens": 9,
        }
        with tracer.start_as_current_span("chat", attributes=attributes), tracer.start_as_current_span("http"):
            pass
        with tracer.start_as_current_span("chat", attributes=attributes):
            call(tracer)  # ends before the outer one, as a request does
        outer = tracer.start_span("chat", attributes=attributes)
        with trace.use_span(outer):
            outer.end()
            call(tracer)  # ends after it, as a stream does
        await message.answer("Hello")

    bench.on_message(handle)
    (answer,) = await answers(bench)
    assert (answer["provider"], answer["model"], answer["in"], answer["out"]) == ("outer", "m-1", 27, 2)


async def test_values_of_another_kind_are_left_out(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        call(tracer, gen_ai__usage__input_tokens="many", gen_ai__response__model=5, gen_ai__provider__name=None)
        await message.answer("Hello")

    bench.on_message(handle)
    assert await answers(bench) == [{"out": 1, "ms": 1500.0}]


async def test_a_call_of_another_update_or_of_none_is_not_its_own(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        if message.text == "ask":
            call(tracer)
        else:
            await message.answer("Hello")

    bench.on_message(handle)
    await bench.say("ask")
    call(tracer)
    await bench.say("hi")
    assert [said(event) for event in bench.events] == [{}, {}, {}]


async def test_providers_that_keep_no_spans_are_no_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd:
        def add_span_processor(self, processor: object) -> None:
            raise RuntimeError

    for provider in (NoOpTracerProvider(), Odd(), None):
        monkeypatch.setattr(genai, "get_tracer_provider", lambda provider=provider: provider)
        await bench.say("hi")
    assert bench.types == ["user_message"] * 3
    assert "GenAI spans are not seen: RuntimeError" in caplog.text


async def test_a_provider_that_cannot_be_loaded_costs_no_update_and_is_asked_for_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(genai, "_missing", False)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "missing")
    await bench.say("hi")
    await bench.say("hi")
    assert bench.types == ["user_message"] * 2
    assert caplog.text.count("Failed to load configured provider") == 1
    assert "no tracer provider can be loaded: StopIteration" in caplog.text


def test_a_provider_is_watched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[object] = []

    class Provider:
        def add_span_processor(self, processor: object) -> None:
            added.append(processor)

    first, second = Provider(), Provider()
    for provider in (first, first, second, first):
        monkeypatch.setattr(genai, "get_tracer_provider", lambda provider=provider: provider)
        genai.watch()
    assert len(added) == 2


async def test_a_returned_message_is_an_answer_too(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> Any:
        call(tracer)
        return message.answer("Here you are")

    bench.on_message(handle)
    await bench.bot(await bench.say("hi"))  # as polling does
    answer = said(bench.events[-1])
    assert (answer["model"], answer["in"]) == ("m-1", 10)


async def test_an_answer_that_streams_by_edits_has_them_and_not_the_menu_after_it(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        sent = await message.answer("…")
        span = tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 2})
        await sent.edit_text("Here")
        await sent.edit_text("Here you are")
        span.end()
        await message.answer("Choose")

    bench.on_message(handle)
    await bench.say("hi")
    first, answer, menu = bench.events[1:]
    assert [event["type"] for event in (first, answer, menu)] == ["bot_message", "ai_message", "bot_message"]
    assert (answer["chattrail.message.text"], answer["chattrail.edit.count"]) == ("Here you are", 2)
    assert answer["telegram.message.id"] == first["telegram.message.id"]
    assert said(answer)["out"] == 2


async def test_an_edit_after_the_call_is_the_answer(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        sent = await message.answer("…")
        await sent.edit_text("Thinking")
        call(tracer)
        await sent.edit_text("Here you are")

    bench.on_message(handle)
    await bench.say("hi")
    first, answer = bench.events[1:]
    assert (first["type"], answer["type"], said(answer)["in"]) == ("bot_message", "ai_message", 10)


async def test_an_edit_before_the_call_is_no_answer(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        sent = await message.answer("…")
        await sent.edit_text("Thinking")
        call(tracer, ms=0)
        await message.answer("Here you are")

    bench.on_message(handle)
    await bench.say("hi")
    assert bench.types[1:] == ["bot_message", "ai_message", "message_edited"]
    assert [said(event).get("in") for event in bench.events[1:]] == [None, 10, None]


async def test_a_photo_with_a_caption_is_not_the_models(bench: Bench, tracer: Tracer) -> None:
    async def handle(message: Message) -> None:
        call(tracer)
        await message.answer_photo("p")
        await message.answer_photo("p", caption="What a day")

    bench.on_message(handle)
    await bench.say("hi")
    assert bench.types[1:] == ["bot_message", "bot_message", "ai_message"]
    assert [said(event).get("in") for event in bench.events[1:]] == [None, None, 10]
