"""A filter in the words of the page: what a chip says."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from babel.dates import format_date

from web.analytics.filters.fields import CHOICES, FLAGS
from web.analytics.filters.tree import And, Condition, Days, Not, Or, Property, Tree
from web.pages.formats import Formats

SIGNS = {":": "=", ">=": "≥", "<=": "≤"}
NAMED = {"persona": "personas", "first_persona": "personas", "story": "stories"}  # fields whose values have names


class FilterWords:
    """Says filters in the language of a request. `names` are those of personas and stories by field and id."""

    def __init__(self, formats: Formats, names: Mapping[tuple[str, str], str]) -> None:
        self._formats, self._text, self._names = formats, formats.words.text, dict(names)

    def learn(self, names: Mapping[tuple[str, str], str]) -> None:
        """Take more names of personas and stories."""
        self._names |= names

    def tree(self, tree: Tree) -> str:
        """All of it in one line."""
        match tree:
            case And(parts):
                return self._joined("and", parts)
            case Or(parts):
                return self._joined("or", parts)
            case Not(part):
                return self._text("filter.except", what=self._grouped(part))
            case Condition():
                return self._condition(tree)

    def value(self, field: str, value: str) -> str:
        """A value as people know it."""
        if field == "language":
            return self._formats.language(value)
        if field == "did":
            return self._text(f"filter.did.{value}")
        if field == "command":
            return f"/{value}"
        if not value:
            return self._text("filter.none")
        return self._names.get((field, value), value)

    def days(self, days: Days) -> str:
        """A range of days."""
        if days.count:
            return self._text("filter.last_days", n=days.count)
        if days.first == days.last and days.first:
            return self._day(days.first)
        if days.first and days.last:
            return f"{self._day(days.first)} – {self._day(days.last)}"
        if days.first:
            return self._text("filter.since", day=self._day(days.first))
        return self._text("filter.until", day=self._day(days.last or date.max))

    def _condition(self, condition: Condition) -> str:
        field, values = condition.name, condition.values
        name = self._text(f"filter.field.{field}")
        if field in FLAGS:
            return self._text(f"filter.{values[0]}.{field}")
        if not values and condition.days:
            return f"{name}: {self.days(condition.days)}"
        said = self._any(self.value(field, value) for value in values)
        if field in CHOICES or field in ("event", "command"):
            said = f"{name}: {said}"
        elif field != "did":
            said = f"{name} {SIGNS.get(condition.operator, condition.operator)} {', '.join(values)}"
        more = [self._property(each) for each in condition.properties]
        more += [self.days(condition.days)] if condition.days else []
        return " · ".join((said, *more))

    def _property(self, each: Property) -> str:
        return f"{each.name} {SIGNS.get(each.operator, each.operator)} {self._any(each.values)}"

    def _any(self, values: Iterable[str]) -> str:
        return f" {self._text('filter.or')} ".join(values)

    def _joined(self, word: str, parts: Sequence[Tree]) -> str:
        return f" {self._text(f'filter.{word}')} ".join(map(self._grouped, parts))

    def _grouped(self, part: Tree) -> str:
        return f"({self.tree(part)})" if isinstance(part, (And, Or)) else self.tree(part)

    def _day(self, day: date) -> str:
        same_year = day.year == self._formats.local(self._formats.now).year
        return str(format_date(day, "d MMM" if same_year else "d MMM y", locale=self._formats.words.locale))
