"""Whatever goes in comes out as a value that OTLP carries unchanged, and that nobody can change any more."""

import math
from collections import UserDict, deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Any, NoReturn
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

from chattrail import Person, create_tracker
from chattrail.events import Command, UserMessage
from chattrail.sanitize import MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_TEXT, sanitize, weight
from tests.support.fakes.otlp_receiver import decode


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Mood(StrEnum):
    CALM = "calm"


class Unprintable:
    def __str__(self) -> NoReturn:
        raise RuntimeError("no words")


class Unrepresentable:
    def __repr__(self) -> NoReturn:
        raise RuntimeError("no words")


class Liar:
    """Answers every question about itself with an exception."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(name)


class BrokenMapping(UserDict[str, object]):
    def items(self) -> NoReturn:
        raise RuntimeError("no items")


class Loud(str):
    __slots__ = ()

    def __str__(self) -> NoReturn:
        raise RuntimeError("no words")


def everything() -> st.SearchStrategy[Any]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(min_value=2**62, max_value=2**70)
        | st.floats()
        | st.text(st.characters(exclude_categories=[]))  # lone surrogates included
        | st.binary()
        | st.datetimes()
        | st.dates()
        | st.timedeltas()
        | st.decimals()
        | st.uuids()
        | st.complex_numbers()
        | st.sampled_from([Colour.RED, Level.HIGH, Mood.CALM, Unprintable(), object(), len, int, Loud("x")])
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text() | st.integers() | st.none() | st.tuples(st.integers()), inner)
        ),
        max_leaves=20,
    )


def over_the_wire(value: object) -> object:
    """Send a value as an attribute through tracker, SDK and encoder, and read it back."""
    memory = InMemoryLogRecordExporter()
    with create_tracker("test", exporter=memory) as tracker:
        tracker.track(UserMessage(text=value), user=Person(1))  # type: ignore[arg-type]
        tracker.track(Command(name="neighbour"), user=Person(1))
    data = encode_logs(memory.get_finished_logs()).SerializeToString()
    records = ExportLogsServiceRequest.FromString(data).resource_logs[0].scope_logs[0].log_records
    assert [record.event_name for record in records] == ["chattrail.user_message", "chattrail.command"]
    attributes = {pair.key: decode(pair.value) for pair in records[0].attributes}
    return attributes.get("chattrail.message.text")


@settings(deadline=None)  # the first one makes a tracker, which takes long on a busy machine
@given(everything())
def test_anything_arrives_as_what_sanitize_made_of_it(value: object) -> None:
    assert over_the_wire(value) == sanitize(value)


@given(everything())
def test_sanitizing_twice_changes_nothing(value: object) -> None:
    once = sanitize(value)
    assert sanitize(once) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (10**20, "100000000000000000000"),
        (float("nan"), "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("a\0b", "a\ufffdb"),
        ("lone \ud83d", "lone \ufffd"),
        ("pair \ud83d\ude00", "pair 😀"),
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1.5), 90.0),
        (Decimal("4.990"), "4.990"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("a/b"), "a/b"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Mood.CALM, "calm"),
        (ValueError("why"), "why"),
        (Loud("quiet"), "quiet"),
        (Unprintable(), "[unprintable Unprintable]"),
        (BrokenMapping(a=1), "[unprintable BrokenMapping]"),
        ([1, [None, Unprintable()]], (1, (None, "[unprintable Unprintable]"))),
        ({1: deque([2]), "": {3}}, {"1": (2,), "[empty]": (3,)}),
    ],
)
def test_values(value: object, expected: object) -> None:
    cleaned = sanitize(value)
    assert cleaned == expected
    assert type(cleaned) is type(expected)


def test_an_object_that_lies_about_its_class_is_named_by_its_real_one() -> None:
    liar = object.__new__(Liar)
    assert sanitize(liar) == "[unprintable Liar]"
    assert sanitize([1, liar]) == (1, "[unprintable Liar]")
    assert sanitize(Unrepresentable()) == "[unprintable Unrepresentable]"


def test_a_number_too_long_for_decimal_is_spelled_all_the_same() -> None:
    cleaned = sanitize(10**10_000)
    assert isinstance(cleaned, str)
    assert cleaned.startswith("0x")
    assert "[cut: " in cleaned


def test_a_long_text_is_cut_and_says_so() -> None:
    cleaned = sanitize("ё" * 1_000_000)
    assert isinstance(cleaned, str)
    assert cleaned.startswith("ё" * MAX_TEXT + "… [cut: 1,000,000 characters]")
    assert len(cleaned) < MAX_TEXT + 50


def test_a_cut_through_a_surrogate_pair_leaves_valid_text() -> None:
    cleaned = sanitize("a" * (MAX_TEXT - 1) + "\ud83d\ude00")
    assert isinstance(cleaned, str)
    cleaned.encode()


def test_bytes_are_kept_whole_or_left_out_whole() -> None:
    assert sanitize(b"x" * MAX_BYTES) == b"x" * MAX_BYTES
    assert sanitize(b"x" * (MAX_BYTES + 1)) == f"[left out: {MAX_BYTES + 1:,} bytes]"


def test_nesting_ends() -> None:
    endless: list[object] = []
    endless.append(endless)
    cleaned = sanitize(endless)
    for _ in range(MAX_DEPTH):
        assert isinstance(cleaned, tuple)
        cleaned = cleaned[0]
    assert cleaned == f"[nested deeper than {MAX_DEPTH} levels]"


def test_a_wide_value_is_cut_and_says_so() -> None:
    cleaned = sanitize(list(range(1_000_000)))
    assert isinstance(cleaned, tuple)
    assert len(cleaned) == MAX_NODES + 1
    assert cleaned[-1] == "[cut: 1,000,000 items]"


def test_nothing_is_kept_by_reference() -> None:
    inner = [1]
    image = bytearray(b"abc")
    cleaned = sanitize({"list": inner, "picture": image})
    inner.append(2)
    image[0] = 0
    assert cleaned == {"list": (1,), "picture": b"abc"}


def test_weight_grows_with_what_is_inside() -> None:
    assert weight(b"x" * 1000) >= 1000
    assert weight(("x" * 1000, {"k": b"y" * 1000})) >= 2000
