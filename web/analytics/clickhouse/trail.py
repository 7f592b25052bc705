"""One person's trail: events in order of time, process sequence and id, messages of one time as their chat numbers them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from web.analytics.bots import Bot, bound
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.people import PeopleQueries, uncounted
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.trail_filters import trail_filter
from web.analytics.clickhouse.trail_positions import EPOCH, Position, before_day, beside, nanoseconds, position_of
from web.analytics.cursor import Cursors
from web.analytics.message_order import in_message_order
from web.analytics.person_key import hexed, sql_is_one_of
from web.analytics.queries import LIMIT_MAX, Order, TrailQuery
from web.analytics.trail_models import ALBUM, RECEIVED, Session, StoredImage, TrailEvent, TrailImage, TrailPage
from web.errors import ParameterError
from web.images.links import missing_setting

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
ITSELF = "event_id = {event_id:UUID}"
DAY_NS = 86_400 * 10**9
RELATED_MAX = 1000
STORES_WITH_SIZES = frozenset({"cloudflare_images"})
PAGE_BYTES = 8 * 1024**2
SIGNS = {"asc": ">", "desc": "<"}
BACK: dict[Order, Order] = {"asc": "desc", "desc": "asc"}
FARTHEST = {"asc": "max", "desc": "min"}


class TrailQueries:
    """Queries for the events of a person, and for images."""

    def __init__(
        self, clickhouse: ClickHouse, people: PeopleQueries, secret_key: str, image_stores: Set[str], zone: ZoneInfo
    ) -> None:
        self._clickhouse = clickhouse
        self._people = people
        self._image_stores = image_stores
        self._zone = zone
        self._cursors = Cursors(secret_key, "events")

    def page(self, key: bytes, query: TrailQuery, bot: Bot | None = None) -> TrailPage:
        """One page of the events of a person (`person_key`). Raises ProblemError for an unknown one and for a bad cursor."""
        binding = _binding(key, query, query.order, bot)
        parameters: dict[str, Any] = {"keys": hexed([key]), "limit": query.limit + 1, "bytes": PAGE_BYTES}
        reader = BotReader(self._clickhouse, bot)
        after = beyond = within = "1"
        opened = self._cursors.open(binding, query.cursor, (int, int, str)) if query.cursor else None
        if place := opened or self._place(reader, key, query):
            parameters |= dict(zip(("at", "sequence", "event_id"), place, strict=True))
            after, beyond = AFTER.format(sign=SIGNS[query.order]), f"ts {SIGNS[query.order]} {AT}"
            within = f"ts {SIGNS[query.order]}= {AT}"
        filters = trail_filter(query)
        parameters |= filters.parameters
        pieces = {"who": sql_is_one_of("user_id", [key]), "order": query.order.upper(), "filter": filters.condition}

        def read() -> Sequence[Sequence[Any]]:
            count, reach = reader.row("reach", parameters, **pieces, beyond=beyond, farthest=FARTHEST[query.order])
            reached, given = within, dict(parameters)
            if count > query.limit:
                reached, given["reach"] = f"{within} AND ts {SIGNS[BACK[query.order]]}= {REACH}", reach
            return reader.rows("events", given, **pieces, columns=COLUMNS, within=reached, after=after)

        rows, known = self._clickhouse.together(read, lambda: self._people.one(key, bot))
        shown = _whole_albums(rows, query.limit)
        following = previous = None
        if shown and shown[-1][-1] > len(shown):
            following = self._cursors.seal(binding, position_of(shown[-1]))
        if shown:
            back = _binding(key, query, BACK[query.order], bot)
            previous = self._cursors.seal(back, position_of(shown[0]))
        events = in_message_order(self.events_of(shown), query.order)
        person = known or uncounted(key, events, bot)
        return TrailPage(person.client_id, person, events, following, previous)

    def whole(self, key: bytes, query: TrailQuery, bot: Bot | None = None) -> Iterator[TrailPage]:
        """All events of a query's kind and text, page by page in order of time."""
        query = replace(query, order="asc", date=None, event=None, limit=LIMIT_MAX, cursor=None)
        while True:
            page = self.page(key, query, bot)
            yield page
            if page.next_cursor is None:
                return
            query = replace(query, cursor=page.next_cursor)

    def cursor_from(self, key: bytes, event: TrailEvent, query: TrailQuery, bot: Bot | None = None) -> str:
        """The cursor of the page in order of time that begins with an event."""
        place = nanoseconds(event.at), event.sequence, beside(event.id, -1)
        return self._cursors.seal(_binding(key, query, "asc", bot), place)

    def event(self, key: bytes, event_id: UUID, bot: Bot | None = None) -> TrailEvent | None:
        """One event of a person, or None where there is none of this id."""
        place = self._place(
            BotReader(self._clickhouse, bot), key, TrailQuery(order="asc", event=str(event_id)), must=False
        )
        if place is None:
            return None
        parameters = {
            "keys": hexed([key]), "limit": 1, "bytes": PAGE_BYTES, "at": place[0], "event_id": str(event_id),
        }  # fmt: skip
        pieces = {"who": sql_is_one_of("user_id", [key]), "within": f"ts = {AT}", "filter": ITSELF, "after": "1"}
        rows = BotReader(self._clickhouse, bot).rows("events", parameters, columns=COLUMNS, order="ASC", **pieces)
        return next(iter(self.events_of(rows)), None)

    def sessions(self, key: bytes, events: Sequence[TrailEvent], bot: Bot | None = None) -> dict[str, Session]:
        """The sessions of some events, by their ids."""
        wanted = sorted({event.session_id for event in events if event.session_id})
        if not wanted:
            return {}
        first, last = (nanoseconds(each(event.at for event in events)) for each in (min, max))
        parameters = {
            "keys": hexed([key]), "sessions": wanted, "first": max(first - DAY_NS, 1), "last": last + DAY_NS,
        }  # fmt: skip
        rows = BotReader(self._clickhouse, bot).rows("sessions", parameters, who=sql_is_one_of("user_id", [key]))
        return {
            session_id: Session(EPOCH + timedelta(microseconds=begin // 1000), (end - begin) / 1e6)
            for session_id, begin, end in rows
        }

    def _place(self, reader: BotReader, key: bytes, query: TrailQuery, *, must: bool = True) -> Position | None:
        """The position before the first event of a page that begins at an event or a day; None for one that begins at the end."""
        ascends = query.order == "asc"
        if query.event:
            who = sql_is_one_of("user_id", [key])
            rows = reader.rows("place", {"keys": hexed([key]), "event_id": query.event}, who=who)
            if not rows and must:
                raise ParameterError("event", "is none of this person's")
            return (*rows[0], beside(query.event, -1 if ascends else 1)) if rows else None
        return before_day(query.date, query.order, self._zone) if query.date else None

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
        return self.events_of(
            reader.rows(
                "events", parameters, who=who, columns=COLUMNS, within=ABOUT, filter="1", after=ABOUT, order="DESC"
            )
        )

    def image(self, event_id: UUID) -> StoredImage | None:
        """Where the image of an event is stored, or None when the event has none."""
        rows = self._clickhouse.rows(sql("image"), {"event_id": str(event_id)})
        return StoredImage(*rows[0]) if rows else None

    def events_of(self, rows: Sequence[Sequence[Any]]) -> tuple[TrailEvent, ...]:
        """Events from rows of the query `events`, with their images."""
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


def _binding(key: bytes, query: TrailQuery, order: Order, bot: Bot | None) -> tuple[str, ...]:
    """What a cursor of a trail belongs to."""
    return (key.hex(), order, *bound(bot, query.kind, query.q or None))


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
