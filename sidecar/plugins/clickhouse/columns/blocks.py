"""Makes blocks of `events` and `logs` from a request, without an object for each record.

What the views `spread_records`, `fill_events` and `fill_logs` do with a request, done here for what nearly all requests are made
of: scalars and lists of them, a time, numbers that are numbers. For anything else there is OddRequestError, and the views. Both
ways make the same rows, which tests/integration/sidecar/plugins/clickhouse/test_columns.py compares
(docs/adr/0041-blocks-of-columns.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chattrail.events import PREFIX
from sidecar.errors import MalformedError
from sidecar.otlp.scan import (
    DROPPED,
    FLAGS,
    OBSERVED,
    SEVERITY,
    SEVERITY_TEXT,
    SPAN_ID,
    TIME,
    TRACE_ID,
    OddRequestError,
    Places,
    scan,
)
from sidecar.plugins.clickhouse.columns.native_block import Block, offsets, text
from sidecar.plugins.clickhouse.columns.records import Records, fitting
from sidecar.plugins.clickhouse.columns.shared import Shared
from sidecar.plugins.clickhouse.columns.texts import EMPTY, chosen, each, encoded, is_empty, ragged, take, texts_of
from sidecar.plugins.clickhouse.otlp_schema import fragments

TYPE_ENUM: Final = fragments()["type_enum"]
TIMESTAMP: Final = "DateTime64(9, 'UTC')"
TS_SOURCE: Final = "Enum8('event' = 1, 'observed' = 2, 'id' = 3, 'unknown' = 4)"
NATURAL: Final = 2**63  # whole numbers from here on are negative
# Of resources and scopes, which stand with each record anew: more than this and half the request's size goes by the views.
MOST_SHARED: Final = 1 << 20

# Typed columns of `events` and the attributes they are taken from, the first that is not empty.
LOW_CARDINALITY: Final = {
    "chat_type": ("telegram.chat.type",),
    "language_code": ("telegram.user.language_code",),
    "persona_id": ("chattrail.persona.id",),
    "story_id": ("chattrail.story.id",),
    "kind": ("chattrail.message.kind",),
    "command": ("chattrail.command.name",),
    "premium_action": ("chattrail.premium.action",),
    "plan": ("chattrail.premium.plan",),
    "currency": ("chattrail.premium.currency",),
    "subscription": ("chattrail.premium.subscription",),
    "side": ("chattrail.side",),
    "custom_name": ("chattrail.custom.name",),
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "error_type": ("error.type",),
}
STRINGS: Final = {
    "user_id": ("user.id", "user.hash"),
    "session_id": ("session.id",),
    "username": ("telegram.user.username",),
    "user_name": ("telegram.user.name",),
    "image_id": ("chattrail.image.id",),
    "charge_id": ("chattrail.premium.charge_id",),
}
WHOLE: Final = {
    "sequence": ("UInt64", "event.sequence"),
    "chat_id": ("Int64", "telegram.chat.id"),
    "update_id": ("Int64", "telegram.update.id"),
    "message_id": ("Int64", "telegram.message.id"),
    "input_tokens": ("UInt32", "gen_ai.usage.input_tokens"),
    "output_tokens": ("UInt32", "gen_ai.usage.output_tokens"),
}
FLOATS: Final = {
    "amount": ("chattrail.premium.amount",),
    "duration_ms": ("chattrail.ai.duration_ms", "chattrail.image.duration_ms"),
}
# What no sum may take, and prices in smallest units: as migrations 10 and 14 say for events that come by the views.
MOST_AMOUNT, MOST_DURATION_MS, MOST_TOKENS, MOST_MINOR_UNITS = 1e9, 86_400_000, 1_000_000_000, 1_000_000_000_000
NO_MINOR_UNITS, BAD_MINOR_UNITS = -1, -2
ACTIONS: Final = {
    "poll": "chattrail.poll.action",
    "chat_action": "chattrail.chat.action",
    "reaction": "chattrail.reaction.emoji",
}
MOST: Final = {"UInt64": NATURAL - 1, "Int64": 2**64 - 1, "UInt32": 2**32 - 1}


@dataclass(frozen=True, slots=True)
class TableBlock:
    """Rows of one table: the columns that the block has, and the block in ClickHouse's Native format."""

    table: str
    columns: list[str]
    data: bytes


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The SHA-256 of a request, and how many records it has: of it and a record's place in it a plain log's key is made."""

    digest: bytes
    records: int


def blocks_of(body: bytes, requests: Sequence[RequestKey] = ()) -> list[TableBlock]:
    """Return blocks with all records of a request that protobuf has parsed, or of these requests behind one another.

    Raises OddRequestError for what they can't hold, and for events that `split.validate` has to look at.
    """
    try:
        found = scan(body)
    except MalformedError:  # protobuf takes groups, which OTLP does not have
        raise OddRequestError from None
    if not len(found.origin):
        raise OddRequestError
    sizes = np.array([origin.size for origin in found.origins], np.int64)
    if sizes[found.origin].sum() > MOST_SHARED + len(body) // 2:
        raise OddRequestError
    records, known = Records(found), {origin: Shared.of(origin) for origin in set(found.origins)}
    shared = [known[origin] for origin in found.origins]  # requests of one sender that were put together have the same
    is_event = np.array([name.startswith(PREFIX.encode()) for name in records.name_list], bool)[records.names]
    times, sources = records.times()
    requests = requests or [RequestKey(hashlib.sha256(body).digest(), len(found.origin))]
    made = []
    for table, rows in (("events", np.flatnonzero(is_event)), ("logs", np.flatnonzero(~is_event))):
        if not len(rows):
            continue
        block = Block(len(rows))
        block.add("ts", TIMESTAMP, times[rows].astype("<i8").tobytes())
        _add_record(block, records, rows)
        _add_shared(block, shared, found.origin[rows])
        if table == "events":
            block.add("ts_source", TS_SOURCE, sources[rows].tobytes())
            _add_event(block, records, shared, rows)
        else:
            block.add_low_cardinality("name", records.names[rows], texts_of(records.name_list))
            _add_key(block, requests, rows)
        made.append(TableBlock(table, block.names, block.serialize()))
    return made


def _add_record(block: Block, records: Records, rows: Places) -> None:
    """The columns that both tables have: the record as it came."""
    found = records.scan
    block.add("time_unix_nano", "UInt64", found.numbers[TIME][rows].astype("<u8").tobytes())
    block.add("observed_time_unix_nano", "UInt64", found.numbers[OBSERVED][rows].astype("<u8").tobytes())
    block.add_low_cardinality("event_name", records.names[rows], texts_of(records.name_list))
    severity = fitting(found.numbers[SEVERITY], 2**31 - 1)[rows]
    block.add("severity_number", "Int32", severity.astype("<i4").tobytes())
    block.add_low_cardinality("severity_text", *encoded(take(records.texts(SEVERITY_TEXT), rows)))
    dropped = fitting(found.numbers[DROPPED], 2**32 - 1)[rows]
    block.add("dropped_attributes_count", "UInt32", dropped.astype("<u4").tobytes())
    block.add("flags", "UInt32", found.numbers[FLAGS][rows].astype("<u4").tobytes())
    block.add_texts("trace_id", take(records.texts(TRACE_ID), rows))
    block.add_texts("span_id", take(records.texts(SPAN_ID), rows))
    block.add_texts("body", records.bodies(rows))
    block.add("body_type", TYPE_ENUM, found.bodies.kind[rows].tobytes())
    lengths = records.lengths[rows]
    entries = records.kept[ragged((np.cumsum(records.lengths) - records.lengths)[rows], lengths)]
    block.add_map("attributes", lengths, records.codes[entries], records.keys, records.values(entries))
    block.add("attribute_types", f"Array({TYPE_ENUM})", offsets(lengths), found.values.kind[entries].tobytes())


def _add_shared(block: Block, shared: list[Shared], origin: Places) -> None:
    """What the records of a scope share, for each record anew."""
    for name in ("scope_name", "scope_version", "scope_schema_url", "resource_schema_url"):
        block.add_low_cardinality(name, *each(origin, [getattr(one, name) for one in shared]))
    for kind in ("scope", "resource"):
        dropped = np.array([getattr(one, f"{kind}_dropped") for one in shared], "<u4")[origin]
        block.add(f"{kind}_dropped_attributes_count", "UInt32", dropped.tobytes())
        pairs = [getattr(one, f"{kind}_pairs") for one in shared]
        of_each = np.array([len(one) for one in pairs], np.int64)
        lengths, flat = of_each[origin], [pair for one in pairs for pair in one]
        entries = ragged((np.cumsum(of_each) - of_each)[origin], lengths)
        values = take(texts_of([value for _, value, _ in flat]), entries)
        block.add_map(f"{kind}_attributes", lengths, *each(entries, [key for key, _, _ in flat]), values)
        kinds = np.array([number for _, _, number in flat], np.uint8)[entries]
        block.add(f"{kind}_attribute_types", f"Array({TYPE_ENUM})", offsets(lengths), kinds.tobytes())
    block.add_low_cardinality("service_name", *each(origin, [one.attribute("service.name") for one in shared]))


def _add_key(block: Block, requests: Sequence[RequestKey], rows: Places) -> None:
    """Which request each record came with, and its place there."""
    counts = np.array([one.records for one in requests], np.int64)
    firsts = np.cumsum(counts) - counts
    request = np.repeat(np.arange(len(requests)), counts)[rows]
    digests = np.frombuffer(b"".join(one.digest for one in requests), np.uint8).reshape(-1, 32)
    block.add("request", "FixedString(32)", digests[request].tobytes())
    block.add("place", "UInt32", (rows - firsts[request]).astype("<u4").tobytes())


def _add_event(block: Block, records: Records, shared: list[Shared], rows: Places) -> None:
    """The typed columns of `events`."""
    types = [name.removeprefix(PREFIX.encode()) for name in records.name_list]
    block.add_low_cardinality("type", records.names[rows], texts_of(types))
    instances = [one.attribute("service.instance.id") for one in shared]
    block.add_low_cardinality("instance_id", *each(records.scan.origin[rows], instances))
    if PREFIX.encode() in records.name_list or not records.have_person(rows):
        raise OddRequestError
    block.add("event_id", "UUID", records.uuids(rows))
    for name, keys in STRINGS.items():
        block.add_texts(name, records.column(keys, rows))
    for name, keys in LOW_CARDINALITY.items():
        block.add_low_cardinality(name, *encoded(records.column(keys, rows)))
    premium = pc.equal(records.column(("telegram.user.is_premium",), rows), pa.scalar(text(b"true"), pa.binary()))
    block.add("is_premium", "Bool", premium.cast(pa.uint8()).to_numpy().tobytes())
    whole = {name: records.whole(key, MOST[kind], rows) for name, (kind, key) in WHOLE.items()}
    for name, (kind, _) in WHOLE.items():
        block.add(name, kind, whole[name].astype("<u4" if kind == "UInt32" else "<u8").tobytes())
    floats = {name: records.floats(keys, rows) for name, keys in FLOATS.items()}
    for name, numbers in floats.items():
        block.add(name, "Float64", numbers.astype("<f8").tobytes())
    block.add("amount_left_out", "Bool", _beyond(floats["amount"], MOST_AMOUNT))
    block.add("duration_left_out", "Bool", _beyond(floats["duration_ms"], MOST_DURATION_MS))
    left_out = [(whole[name] > MOST_TOKENS).astype(np.uint8) for name in ("input_tokens", "output_tokens")]
    block.add("tokens_left_out", "UInt8", (left_out[0] + left_out[1]).tobytes())
    _add_later(block, records, shared, rows, types)


def _add_later(block: Block, records: Records, shared: list[Shared], rows: Places, types: list[bytes]) -> None:
    """Columns that have defaults in the table: left out, ClickHouse would compute them from the map of each event."""
    bots = records.column(("telegram.bot.id",), rows)
    services = texts_of([one.attribute("service.name") for one in shared])
    block.add_low_cardinality("bot", *encoded(chosen(is_empty(bots), take(services, records.scan.origin[rows]), bots)))
    actions = take(EMPTY, np.zeros(len(rows), np.int64))
    for type_, key in ACTIONS.items():
        if (name := type_.encode()) in types:
            of_type = np.array([one == name for one in types], bool)[records.names[rows]]
            actions = chosen(of_type, records.column((key,), rows), actions)
    block.add_low_cardinality("action", *encoded(actions))
    has, units = records.maybe_whole("chattrail.premium.minor_units", rows)
    fits = np.where((units >= 0) & (units <= MOST_MINOR_UNITS), units, BAD_MINOR_UNITS)
    block.add("minor_units", "Int64", np.where(has, fits, NO_MINOR_UNITS).astype("<i8").tobytes())


def _beyond(numbers: NDArray[np.float64], most: float) -> bytes:
    return (~((numbers >= 0) & (numbers <= most))).tobytes()
