"""Takes tokens, model and duration of an answer from the spans of OpenTelemetry GenAI instrumentation, where it is installed.

A model call that ends inside a handler belongs to the next answer that the bot sends within the update. Nothing is installed
here: without a tracer provider that keeps spans there is nothing to see.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import get_tracer_provider

from chattrail.context import Inferred, UpdateContext, running_update
from chattrail.rate_limited_log import RateLimitedLog, error_location
from chattrail.tracker import Tracker

_log = RateLimitedLog(logging.getLogger("chattrail"))

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/: the operations that answer. Agents and tools contain
# them, and embeddings are no answers. Older releases of the conventions, and OpenLLMetry, had other names for some attributes.
_OPERATION = ("gen_ai.operation.name", "llm.request.type")
_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "completion"})
_NAMES = {
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "request_model": ("gen_ai.request.model",),
    "response_model": ("gen_ai.response.model",),
}
_TOKENS = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
}


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a span says. `fields` are those of AiMessage, of which sums are made for several calls."""

    span_id: int
    parent_id: int | None
    fields: Mapping[str, Any]
    ended: float = field(default_factory=time.monotonic)


class GenAiSpans(SpanProcessor):
    """Adds model calls to the update in whose handling they end. `watch` puts one into the global tracer provider.

    A program whose instrumentation has a tracer provider of its own adds it there: `provider.add_span_processor(GenAiSpans())`.
    """

    def on_end(self, span: ReadableSpan) -> None:
        """Look at a span. It waits for nothing and never raises."""
        try:
            context = running_update()
            if context is not None and (call := read(span)) is not None:
                if isinstance(context.owner, Tracker):
                    context.owner.backlog.drain()  # what was sent before is not this call's answer
                add(context, call)
        except Exception as error:
            _log.warning("a GenAI span was left out: %s", error_location(error))


_processor = GenAiSpans()
_watched: WeakSet[Any] = WeakSet()
_last: object = None
_missing = False
_lock = threading.Lock()


def watch() -> None:
    """See the spans of the global tracer provider, when it keeps any. Called for each update: it may be set at any time."""
    global _last, _missing
    if _missing:
        return
    try:
        provider: Any = get_tracer_provider()
    except Exception as error:
        # The one that OTEL_PYTHON_TRACER_PROVIDER names: a second attempt would fail, and log, again.
        _missing = True
        _log.warning("GenAI spans are not seen, no tracer provider can be loaded: %s", error_location(error))
        return
    if provider is _last:
        return
    try:
        with _lock:
            if hasattr(provider, "add_span_processor") and provider not in _watched:
                provider.add_span_processor(_processor)
                _watched.add(provider)
    except Exception as error:
        _log.warning("GenAI spans are not seen: %s", error_location(error))
    _last = provider


def read(span: ReadableSpan) -> ModelCall | None:
    """Return what a span says of a model call; None when it is none."""
    said = span.attributes or {}
    if _first(said, _OPERATION, str) not in _OPERATIONS:
        return None
    fields: dict[str, Any] = {}
    for name, attributes in _NAMES.items():
        fields[name] = _first(said, attributes, str)
    for name, attributes in _TOKENS.items():
        fields[name] = _first(said, attributes, int)
    if span.start_time is not None and span.end_time is not None:
        fields["duration_ms"] = round((span.end_time - span.start_time) / 1e6, 1)
    if not span.status.is_ok and span.status.status_code.name == "ERROR":
        fields["error_type"] = _first(said, ("error.type",), str) or "_OTHER"
    known = {name: value for name, value in fields.items() if value is not None}
    parent = None if span.parent is None else span.parent.span_id
    context = span.get_span_context()
    return None if context is None else ModelCall(context.span_id, parent, known)


def add(context: UpdateContext, call: ModelCall) -> None:
    """Add a call to those whose answer has not been sent yet.

    Two instrumentations of one call give a span inside a span: they are one call, and the outer one says more.
    """
    ended = call.ended
    with _lock:
        inferred = context.inferred
        calls = [] if inferred is None or inferred.used else list(inferred.calls)
        inner = [one for one in calls if one.parent_id == call.span_id]
        outer = [one for one in calls if one.span_id == call.parent_id]
        for one in inner:
            call = ModelCall(call.span_id, call.parent_id, {**one.fields, **call.fields})
        calls = [one for one in calls if one not in inner]
        if outer:
            position = calls.index(outer[0])
            calls[position] = ModelCall(outer[0].span_id, outer[0].parent_id, {**call.fields, **outer[0].fields})
        elif all(one.span_id != call.span_id for one in calls):
            calls.append(call)
        fields = _together(calls)
        began = ended - calls[-1].fields.get("duration_ms", 0) / 1000
        context.inferred = Inferred(fields, inferred=frozenset(fields), calls=calls, began=began)


def _together(calls: list[ModelCall]) -> dict[str, Any]:
    """Return the fields of the answer that calls gave together: that of the last good one, or the failure of the last."""
    good = [one for one in calls if "error_type" not in one.fields]
    last = calls[-1]
    fields: dict[str, Any] = {}
    for name in _NAMES:
        fields[name] = (good[-1] if good else last).fields.get(name)
    for name in (*_TOKENS, "duration_ms"):
        counted = [one.fields[name] for one in calls if name in one.fields]
        fields[name] = sum(counted) if counted else None
    fields["error_type"] = last.fields.get("error_type")
    return {name: value for name, value in fields.items() if value is not None}


def _first(said: Mapping[str, Any], attributes: tuple[str, ...], kind: type) -> Any:
    return next((said[name] for name in attributes if isinstance(said.get(name), kind)), None)
