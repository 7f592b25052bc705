"""A filter's tree to SQL over rows of `people`, with bound parameters.

What people are stands in `people` itself. Who did something in some days is a set of people: `figures` and `choices` have them as
bitmaps, counts of quarters of an hour are in `activity_by_slot`, and properties of custom events in `events` alone.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from web.analytics.clickhouse.sums import COUNTS
from web.analytics.filters.fields import CHOICES, COUNTED, FLAGS, KINDS, NUMBERS
from web.analytics.filters.tree import And, Condition, Days, Not, Or, Property, Tree
from web.analytics.names import STEPS
from web.analytics.people_condition import PeopleCondition

DAY_S = 86_400
# a broadcast by the bot is no sign of the person
LAST_SEEN_AT = "if(toUnixTimestamp64Milli(a.last_own_ts) > 0, a.last_own_ts, a.last_ts)"
# deeds of which `people` has the number over all time
EVER = {
    "message": "a.messages", "command": "a.commands", "picture": "a.pictures", "refresh": "a.refreshes", "clear": "a.clears",
    "failure": "a.failures", "paid": "a.payments",
}  # fmt: skip
ONE_OF = "IN (SELECT unhex(arrayJoin({{{name}:Array(String)}})))"
SET = "bitmapContains((SELECT groupBitmapMergeState({people}) FROM {table} FINAL WHERE $of_bot AND {where}), a.number)"
OF_SLOTS = "a.user_id IN (SELECT user_id FROM activity_by_slot FINAL WHERE $of_bot AND {where})"
OF_EVENTS = "a.user_id IN (SELECT user_id FROM events WHERE type = 'custom' AND $of_bot AND {where})"


def people_condition(tree: Tree | None, zone: ZoneInfo, now: datetime) -> PeopleCondition:
    """Who matches at a time; None lets everybody through. `zone` is that in which days begin."""
    if tree is None:
        return PeopleCondition("1", {})
    writer = _Writer(zone, now)
    return PeopleCondition(writer.write(tree), writer.values)


class _Writer:
    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self.values: dict[str, Any] = {}
        self._zone, self._now = zone, now

    def write(self, tree: Tree) -> str:
        match tree:
            case And(parts):
                return f"({' AND '.join(map(self.write, parts))})"
            case Or(parts):
                return f"({' OR '.join(map(self.write, parts))})"
            case Not(part):
                return f"NOT {self.write(part)}"
            case Condition():
                return f"({self._condition(tree)})"

    def _condition(self, condition: Condition) -> str:
        name, values = condition.name, condition.values
        match KINDS[name]:
            case "choice":
                return self._source(values) if name == "source" else f"{CHOICES[name]} {self._one_of(values)}"
            case "flag":
                return FLAGS[name] if values == ("yes",) else f"NOT ({FLAGS[name]})"
            case "number":
                return self._compared(NUMBERS[name], condition.operator, values)
            case "days":
                assert condition.days is not None
                return self._in_days(name, condition.days)
        if name == "did":
            return " OR ".join(f"({self._did(deed, condition.days)})" for deed in values)
        if condition.properties:
            return self._event_with(values, condition.properties, condition.days)
        if name == "event" and condition.days is None:
            names = self._bind([value.encode().hex() for value in values], "Array(String)")
            return f"arrayExists(name -> a.custom_counts[unhex(name)] > 0, {names})"
        kind = "custom_counts" if name == "event" else "command_counts"
        where = f"kind = '{kind}' AND key {self._one_of(values)} AND {self._within(condition.days)}"
        return SET.format(people="choices.people", table="choices", where=where)

    def _source(self, values: tuple[str, ...]) -> str:
        """`ref_*` is what begins so: no payload of Telegram has a star."""
        begins = self._bind([value[:-1].encode().hex() for value in values if value.endswith("*")], "Array(String)")
        whole = self._one_of(tuple(value for value in values if not value.endswith("*")))
        return f"{CHOICES['source']} {whole} OR arrayExists(begin -> startsWith({CHOICES['source']}, unhex(begin)), {begins})"

    def _in_days(self, name: str, days: Days) -> str:
        if name == "active":
            return SET.format(people="figures.people", table="figures", where=self._within(days))
        column = "toUnixTimestamp(a.first_own_slot)" if name == "new" else f"toUnixTimestamp({LAST_SEEN_AT})"
        start, end = self._span(days)
        return f"{column} >= {start} AND {column} < {end}"

    def _did(self, deed: str, days: Days | None) -> str:
        if days is None and deed in EVER:
            return f"{EVER[deed]} > 0"
        if deed in STEPS:
            return SET.format(people=f"figures.step_{deed}", table="figures", where=self._within(days))
        place = COUNTS.index(COUNTED[deed]) + 1
        where = f"counts[{place}] > 0"
        if days is not None:
            start, end = self._span(days)
            where += f" AND slot >= toDateTime({start}, 'UTC') AND slot < toDateTime({end}, 'UTC')"
        return OF_SLOTS.format(where=where)

    def _event_with(self, names: tuple[str, ...], properties: tuple[Property, ...], days: Days | None) -> str:
        where = [f"custom_name {self._one_of(names)}"]
        if days is not None:
            start, end = self._span(days)
            where.append(f"ts >= toDateTime64({start}, 9, 'UTC') AND ts < toDateTime64({end}, 9, 'UTC')")
        for each in properties:
            key = self._bind(f"chattrail.property.{each.name}", "String")
            number = f"toFloat64OrNull(attributes[{key}])"
            if each.operator == ":":
                texts = self._one_of(each.values)
                where.append(f"mapContains(attributes, {key}) AND attributes[{key}] {texts}")
            else:
                where.append(f"ifNull({self._compared(number, each.operator, each.values)}, false)")
        return OF_EVENTS.format(where=" AND ".join(where))

    def _within(self, days: Days | None) -> str:
        """Rows of `figures` and `choices` in these days: whole ones in UTC, and quarters of an hour at both ends."""
        if days is None:
            return "grain = 'day'"
        begin, finish = (int(at.timestamp()) for at in days.instants(self._zone, self._now))
        first, last = -(-begin // DAY_S) * DAY_S, finish // DAY_S * DAY_S
        if first >= last:
            first = last = finish
        start, whole, rest, end = (self._bind(each, "UInt32") for each in (begin, first, last, finish))
        return (
            f"(grain = 'day' AND at >= toDateTime({whole}, 'UTC') AND at < toDateTime({rest}, 'UTC')"
            f" OR grain = 'slot' AND (at >= toDateTime({start}, 'UTC') AND at < toDateTime({whole}, 'UTC')"
            f" OR at >= toDateTime({rest}, 'UTC') AND at < toDateTime({end}, 'UTC')))"
        )

    def _span(self, days: Days) -> tuple[str, str]:
        start, end = (int(at.timestamp()) for at in days.instants(self._zone, self._now))
        return self._bind(start, "UInt32"), self._bind(end, "UInt32")

    def _compared(self, column: str, operator: str, values: tuple[str, ...]) -> str:
        numbers = self._bind([float(value) for value in values], "Array(Float64)")
        return f"has({numbers}, toFloat64({column}))" if operator == ":" else f"{column} {operator} {numbers}[1]"

    def _one_of(self, values: tuple[str, ...]) -> str:
        """In hexadecimal, since they may hold anything."""
        name = self._name()
        self.values[name] = [value.encode().hex() for value in values]
        return ONE_OF.format(name=name)

    def _bind(self, value: Any, kind: str) -> str:
        name = self._name()
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def _name(self) -> str:
        return f"filter{len(self.values)}"
