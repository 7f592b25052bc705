"""Requests like those of a busy AI bot: what a person writes and its answer, as the library's instrumentation records them."""

import random
import time
import uuid
from collections.abc import Iterator
from itertools import cycle, islice

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from bot.content.dialogues import read_dialogues
from tests.support.otlp import event, request

TOPICS = {"en": "conversations emotion food movies science", "ru": "conversations food money"}
PERSONAS = ("mira", "luna", "oskar", "vesna")


def bodies(records: int, count: int, seed: int = 1, people: int = 2_000) -> list[bytes]:
    """Return `count` requests of `records` events each, of the last hour."""
    stream = events(random.Random(seed), people)
    return [request(*islice(stream, records)) for _ in range(count)]


def events(
    chance: random.Random, people: int, *, begin_ns: int = 3_600 * 10**9, step_ns: int = 10_500_000
) -> Iterator[LogRecord]:
    """Yield messages and answers in turns without end, from so long ago on; the time goes on by this much an event on average."""
    dialogues = [(language, one) for language, topics in TOPICS.items() for one in read_dialogues(language, topics)]
    chance.shuffle(dialogues)
    sessions = {person: uuid.UUID(int=chance.getrandbits(128), version=4) for person in range(people)}
    at = time.time_ns() - begin_ns
    sequence = update = 0
    for language, lines in cycle(dialogues):
        person = chance.randrange(people)
        for place, line in enumerate(lines):
            at += chance.randrange(step_ns // 10, step_ns * 19 // 10)
            sequence, update = sequence + 1, update + (place % 2 == 0)
            common: dict[str, object] = {
                "event.sequence": sequence,
                "session.id": str(sessions[person]),
                "telegram.bot.id": 4242,
                "telegram.bot.username": "persona_bot",
                "telegram.chat.id": 1_000_000 + person,
                "telegram.chat.type": "private",
                "telegram.update.id": 500_000_000 + update,
                "telegram.message.id": sequence,
                "telegram.user.name": f"Person {person}",
                "telegram.user.language_code": language,
                "chattrail.persona.id": PERSONAS[person % len(PERSONAS)],
                "chattrail.story.id": f"story-{person % 7}",
                "chattrail.message.kind": "text",
                "chattrail.message.text": line,
                "chattrail.message.length": len(line),
            }
            if place % 2 == 0:
                yield event("user_message", str(1_000_000 + person), common, at=at)
                continue
            answer = {
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": chance.randrange(200, 4_000),
                "gen_ai.usage.output_tokens": chance.randrange(20, 400),
                "chattrail.ai.duration_ms": round(chance.lognormvariate(7, 0.5), 1),
            }
            yield event("ai_message", str(1_000_000 + person), common | answer, at=at)
