"""What a filter can be made of: the values that there are, with how many people have each."""

from collections.abc import Sequence

from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.filters.fields import CHOICES, FLAGS, NUMBERS
from web.analytics.people_condition import PeopleCondition

VALUES_MAX = 200
PROPERTIES_MAX = 50
NAMES = {"event": "custom_counts", "command": "command_counts"}
PROPERTY = "chattrail.property."
HAS = {
    **{name: f"countIf({column} != '')" for name, column in CHOICES.items()},
    **{name: f"countIf({condition})" for name, condition in FLAGS.items()},
    **{name: f"countIf({column} > 0)" for name, column in NUMBERS.items()},
    "event": "countIf(notEmpty(a.custom_counts))",
    "command": "countIf(a.commands > 0)",
}


class FilterValues:
    """Queries for values."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def fields(self, bot: Bot | None) -> dict[str, int]:
        """How many people each field says anything of; fields that everybody has are not among them."""
        row = BotReader(self._clickhouse, bot).row("filter_fields", columns=", ".join(HAS.values()))
        return dict(zip(HAS, row, strict=True))

    def of(self, field: str, who: PeopleCondition, bot: Bot | None) -> list[tuple[str, int]]:
        """Values with their number of people, most frequent first: of a choice, of `event` or of `command`.

        `who` is what else must hold; for names, whose numbers are of everybody, it says nothing.
        """
        reader, limit = BotReader(self._clickhouse, bot), {"limit": VALUES_MAX}
        if field in NAMES:
            return _texts(reader.rows("filter_names", {**limit, "kind": NAMES[field]}))
        rows = reader.rows("filter_values", {**limit, **who.values}, column=CHOICES[field], filter=who.sql)
        return _texts(rows)

    def yes(self, field: str, who: PeopleCondition, bot: Bot | None) -> tuple[int, int]:
        """How many people a flag is true for, and how many it is not."""
        reader = BotReader(self._clickhouse, bot)
        rows = reader.rows(
            "filter_values", {"limit": 2, **who.values}, column=f"toString({FLAGS[field]})", filter=who.sql
        )
        found = {bytes.fromhex(value): people for value, people in rows}
        return found.get(b"1", 0), found.get(b"0", 0)

    def properties(self, names: Sequence[str], bot: Bot | None) -> list[str]:
        """The properties that these custom events had lately."""
        asked = {"names": [name.encode().hex() for name in names], "limit": PROPERTIES_MAX}
        rows = BotReader(self._clickhouse, bot).rows("filter_properties", asked)
        return [name.removeprefix(PROPERTY) for (name,) in rows]


def _texts(rows: Sequence[Sequence[object]]) -> list[tuple[str, int]]:
    """Those that are texts: what no address can hold can be no value of a filter."""
    found = []
    for value, people in rows:
        try:
            found.append((bytes.fromhex(str(value)).decode(), int(str(people))))
        except UnicodeDecodeError:
            continue
    return [(text, people) for text, people in found if "\x00" not in text]
