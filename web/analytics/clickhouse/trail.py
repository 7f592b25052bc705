"""One person's trail: events in order of time, process sequence and id, messages of one time as their chat numbers them."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from web.analytics.bots import Bot, bound
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.people import PeopleQueries, uncounted
from web.analytics.clickhouse.sql import sql
from web.analytics.cursor import Cursors
from web.analytics.message_order import in_message_order
from web.analytics.person_key import hexed, sql_is_one_of
from web.analytics.queries import Order, TrailQuery
from web.analytics.trail_models import ALBUM, RECEIVED, StoredImage, TrailEvent, TrailImage, TrailPage
from web.images.links import missing_setting

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    "event_id, type, ts_source, sequence, session_id, chat_id, update_id, message_id, persona_id, story_id, attributes,"
    " error_type, bot"
)
AFTER = """(ts, sequence, events.event_id) {sign} (
    fromUnixTimestamp64Nano({{at:Int64}}, 'UTC'), {{sequence:UInt64}}, {{event_id:UUID}}
)"""
AT = "fromUnixTimestamp64Nano({at:Int64}, 'UTC')"
REACH = "fromUnixTimestamp64Nano({reach:Int64}, 'UTC')"
ABOUT = """type IN {types:Array(String)} AND message_id IN {messages:Array(Int64)} AND chat_id IN {chats:Array(Int64)}
AND events.event_id NOT IN {shown:Array(UUID)}"""
ABOUT_MESSAGES = frozenset(
    (
        "user_message",
        "bot_message",
        "ai_message",
        "image_generated",
        "message_edited",
        "message_deleted",
        "reaction",
        "poll",
    )
)
HAS_IMAGE = frozenset(("chattrail.image.id", "chattrail.image.file_id", "chattrail.file.id"))
RELATED_MAX = 1000
FIRST_ID, LAST_ID = str(UUID(int=0)), str(UUID(int=2**128 - 1))
STORES_WITH_SIZES = frozenset({"cloudflare_images"})
PAGE_BYTES = 8 * 1024**2
SIGNS = {"asc": ">", "desc": "<"}
BACK: dict[Order, Order] = {"asc": "desc", "desc": "asc"}
FARTHEST = {"asc": "max", "desc": "min"}


class TrailQueries:
    """Queries for the events of a person, and for images."""

    def __init__(self, clickhouse: ClickHouse, people: PeopleQueries, secret_key: str, image_stores: Set[str]) -> None:
        self._clickhouse = clickhouse
        self._people = people
        self._image_stores = image_stores
        self._cursors = Cursors(secret_key, "events")

    def page(self, key: bytes, query: TrailQuery, bot: Bot | None = None) -> TrailPage:
        """One page of the events of a person (`person_key`). Raises ProblemError for an unknown one and for a bad cursor."""
        binding = (key.hex(), query.order, *bound(bot))
        parameters: dict[str, Any] = {"keys": hexed([key]), "limit": query.limit + 1, "bytes": PAGE_BYTES}
        after = beyond = within = "1"
        if query.cursor:
            at, sequence, event_id = self._cursors.open(binding, query.cursor, (int, int, str))
            parameters |= {"at": at, "sequence": sequence, "event_id": event_id}
            after, beyond = AFTER.format(sign=SIGNS[query.order]), f"ts {SIGNS[query.order]} {AT}"
            within = f"ts {SIGNS[query.order]}= {AT}"
        pieces = {"who": sql_is_one_of("user_id", [key]), "order": query.order.upper()}
        reader = BotReader(self._clickhouse, bot)

        def read() -> Sequence[Sequence[Any]]:
            count, reach = reader.row("reach", parameters, **pieces, beyond=beyond, farthest=FARTHEST[query.order])
            reached, given = within, dict(parameters)
            if count > query.limit:
                reached, given["reach"] = f"{within} AND ts {SIGNS[BACK[query.order]]}= {REACH}", reach
            return reader.rows("events", given, **pieces, columns=COLUMNS, within=reached, after=after)

        rows, known = self._clickhouse.together(read, lambda: self._people.one(key, bot))
        shown = _whole_albums(rows, query.limit)
        cursor = None
        if shown and shown[-1][-1] > len(shown):
            last = shown[-1]
            cursor = self._cursors.seal(binding, (last[2], last[3], last[0]))
        events = in_message_order(self._events(shown), query.order)
        person = known or uncounted(key, events, bot)
        return TrailPage(person.client_id, person, events, cursor)

    def related(
        self, key: bytes, events: Sequence[TrailEvent], about: Set[int], bot: Bot | None = None
    ) -> tuple[TrailEvent, ...]:
        """The person's other events about messages of these numbers, in the chats of the given events, newest first."""
        chats = {int(event.chat_id) for event in events}
        if not about or not chats:
            return ()
        parameters: dict[str, Any] = {
            "keys": hexed([key]), "limit": RELATED_MAX, "bytes": PAGE_BYTES, "types": sorted(ABOUT_MESSAGES),
            "messages": sorted(about), "chats": sorted(chats), "shown": [event.id for event in events],
        }  # fmt: skip
        who = sql_is_one_of("user_id", [key])
        reader = BotReader(self._clickhouse, bot)
        return self._events(
            reader.rows("events", parameters, who=who, columns=COLUMNS, within=ABOUT, after=ABOUT, order="DESC")
        )

    def cursor_at(self, key: bytes, order: Order, event: TrailEvent, bot: Bot | None = None) -> str:
        """The cursor of the page that begins with an event."""
        nanoseconds = (event.at - EPOCH) // timedelta(microseconds=1) * 1000
        position = (nanoseconds + 1000, 0, FIRST_ID) if order == "desc" else (nanoseconds - 1, 2**64 - 1, LAST_ID)
        return self._cursors.seal(
            (key.hex(), order, *bound(bot)), (min(max(position[0], -(2**63)), 2**63 - 1), *position[1:])
        )

    def image(self, event_id: UUID) -> StoredImage | None:
        """Where the image of an event is stored, or None when the event has none."""
        rows = self._clickhouse.rows(sql("image"), {"event_id": str(event_id)})
        return StoredImage(*rows[0]) if rows else None

    def _events(self, rows: Sequence[Sequence[Any]]) -> tuple[TrailEvent, ...]:
        images = self._images(
            [row[0] for row in rows if row[1] == "image_generated" or not HAS_IMAGE.isdisjoint(row[10])]
        )
        return tuple(_event(row, images) for row in rows)

    def _images(self, event_ids: Sequence[str]) -> dict[str, TrailImage]:
        if not event_ids:
            return {}
        rows = self._clickhouse.rows(sql("images_of"), {"event_ids": event_ids})
        return {event_id: self._image(event_id, *columns) for event_id, *columns in rows}

    def _image(
        self, event_id: str, status: str, store: str, content_type: str, width: int, height: int, reason: str
    ) -> TrailImage:
        url = thumbnail_url = None
        if status == "stored" and store in self._image_stores:
            url = f"/images/{event_id}"
            # one address where there is one size: the image that is opened is in the browser's cache already
            thumbnail_url = f"{url}?size=thumbnail" if store in STORES_WITH_SIZES else url
        elif status == "stored":
            reason = missing_setting(store)
        return TrailImage(status, url, thumbnail_url, content_type, width, height, reason)


def _whole_albums(rows: Sequence[Sequence[Any]], limit: int) -> Sequence[Sequence[Any]]:
    """The rows of a page, without the beginning of an album that goes on behind it, unless the page has nothing else."""
    shown = end = min(limit, len(rows))
    if album := rows[limit][10].get(ALBUM) if len(rows) > limit else "":
        while end and rows[end - 1][10].get(ALBUM) == album:
            end -= 1
    return rows[: end or shown]


def _event(row: Sequence[Any], images: Mapping[str, TrailImage]) -> TrailEvent:
    (
        event_id, event_type, nanoseconds, sequence, session_id, chat_id, update_id, message_id, persona_id, story_id,
        attributes, error_type, time_source, _found,
    ) = row  # fmt: skip
    return TrailEvent(
        event_id, event_type, EPOCH + timedelta(microseconds=nanoseconds // 1000), sequence, session_id, str(chat_id),
        update_id, message_id, persona_id, story_id,
        text=attributes.get("chattrail.message.text", ""),
        attributes={name: value for name, value in attributes.items() if value},
        image=images.get(event_id),
        error=error_type or (attributes.get("exception.message") or None),
        time_source=RECEIVED if time_source == "unknown" else time_source,
    )  # fmt: skip
