"""What models did and what that cost, in a range and to some people, from what the rollups have of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.sums import read_by
from web.analytics.cost import Cost, Usage, cost_of
from web.analytics.person_key import hexed, key_of, sql_is_one_of, text_of
from web.analytics.prices import PriceTable
from web.analytics.ranges import Window, local_day, midnight

CURRENCIES_MAX = 2_000  # more than a table of prices has rates for, so that one without a rate is among them
MODELS_MAX = 100
COUNTED = ("input_tokens", "output_tokens", "pictures", "payments", "refunds")


def cost(
    reader: BotReader,
    window: Window,
    edges: Sequence[int],
    since: int,
    prices: PriceTable | None,
    ever: Mapping[str, int],
) -> Cost:
    """The cost of a range, of one bot or all, of everybody or of the reader's part of the people.

    `edges` are the buckets as Unix seconds, with that of the stretch before, if there is one; the range begins at `since`.
    `ever` says what was counted at all. Raises ClickHouseUnavailableError.
    """
    buckets = [edge for edge in edges if edge >= since]
    if not any(ever[name] for name in COUNTED):
        return cost_of(prices, (), buckets, edges[0] < since)
    end = int(window.end.timestamp())
    changes = [int(midnight(day, window.zone).timestamp()) for day in prices.days] if prices else []
    cuts = sorted({*edges, *(each for each in changes if edges[0] < each < end)})
    asked = {
        **read_by(cuts, end),
        "since": since,
        "limit": CURRENCIES_MAX,
        "models": [each.encode().hex() for each in prices.models] if prices else [],
        "models_max": len(("input", "output", "pictures")) * MODELS_MAX,
    }
    name = "used_by_part" if reader.part else "used_by_everybody"
    rows = reader.rows("used", asked, rows=sql(name, of_bot="$of_bot", people="$people"))  # the reader has these pieces
    *rows, (*_, others, found) = rows or [((), 0)]
    usages = (
        Usage(int(edge), local_day(datetime.fromtimestamp(edge, UTC), window.zone), used, minor, units)
        for edge, used, minor, units, *_ in rows
    )
    return cost_of(prices, usages, buckets, edges[0] < since, others, found - len(others))


def costs_of_people(
    reader: BotReader, keys: Sequence[bytes], zone: ZoneInfo, prices: PriceTable
) -> dict[bytes, tuple[Cost, bool]]:
    """What each of these people cost over all time, and whether all that models did for them has a price."""
    asked = {
        "edges": [0, *(int(midnight(day, zone).timestamp()) for day in prices.days)],
        "models": [each.encode().hex() for each in prices.models],
        "keys": hexed(keys),
    }
    usages: dict[bytes, list[Usage]] = defaultdict(list)
    others: set[bytes] = set()
    for user, edge, used, minor, units, has_others in reader.rows(
        "used_by_people", asked, who=sql_is_one_of("user_id", keys)
    ):
        key = key_of(text_of(bytes.fromhex(user)))
        usages[key].append(Usage(int(edge), local_day(datetime.fromtimestamp(edge, UTC), zone), used, minor, units))
        if has_others:
            others.add(key)
    costs = {key: cost_of(prices, each, [0], is_compared=False) for key, each in usages.items()}
    return {key: (each, not each.without_price and key not in others) for key, each in costs.items()}
