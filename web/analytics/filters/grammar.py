"""The text of a filter to its tree: a parser by hand, since its messages name the place and say what would fit there.

filter    = all { "or" all }
all       = part { ["and"] part }
part      = "not" part | "(" filter ")" | condition
condition = name ":" days | name operator values { "with" name operator values } [ "in" days ]
operator  = ":" | ">" | ">=" | "<" | "<="
values    = value { "," value }
"""

import re
from datetime import date

from web.analytics.filters.fields import ACTS, DEEDS, KINDS
from web.analytics.filters.tree import Condition, Days, Not, Or, Property, Tree, all_of
from web.analytics.ranges import EARLIEST
from web.errors import ParameterError

LENGTH_MAX = 1_000  # of the text
DEPTH_MAX = 8  # of what stands in brackets and behind `not`
CONDITIONS_MAX = 20
VALUES_MAX = 30  # of one condition
DAYS_MAX = 3_660
LAST = date(2200, 1, 1)
SPACE = re.compile(r"\s*")
WORD = re.compile(r"\w+")
OPERATOR = re.compile(r"\s*(:|>=|<=|>|<|=)\s*")
QUOTED = re.compile(r"""["“”«]((?:[^"“”»\\]|\\.)*)["“”»]""", re.DOTALL)
BARE = re.compile(r"""[^\s"“”«»,()\\]+""")
PROPERTY = re.compile(r"[a-z0-9_]+")
NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
SPAN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})?")
UNUSABLE = re.compile("[\x00\ud800-\udfff]")


class FilterError(ParameterError):
    """The text of a filter cannot be read. `position` counts its characters from 1."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__("filter", f"at character {position}, {reason}", position)


def parse(text: str) -> Tree | None:
    """The tree of a text, None of one that says nothing. Raises FilterError."""
    if len(text) > LENGTH_MAX:
        raise FilterError(LENGTH_MAX + 1, f"it is too long: at most {LENGTH_MAX} characters are read")
    if found := UNUSABLE.search(text):
        raise FilterError(found.start() + 1, "a character stands that no text may hold")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._conditions = 0

    def whole(self) -> Tree | None:
        if self._is_end():
            return None
        tree = self._any()
        if not self._is_end():
            raise self._fault("a bracket is closed that was not opened" if self._next() == ")" else _NO_CONDITION)
        return tree

    def _any(self) -> Tree:
        parts = [self._all()]
        while self._keyword("or"):
            parts.append(self._all())
        return Or(tuple(dict.fromkeys(parts))) if len(set(parts)) > 1 else parts[0]

    def _all(self) -> Tree:
        parts = [self._part()]
        while self._keyword("and") or not (self._is_end() or self._next() == ")" or self._sees("or")):
            parts.append(self._part())
        tree = all_of(*parts)
        assert tree is not None
        return tree

    def _part(self) -> Tree:
        self._skip()
        begin = self._at
        if not self._keyword("not") and not self._taken("("):
            return self._condition()
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise FilterError(begin + 1, f"it is nested too deeply: at most {DEPTH_MAX} levels are read")
        if self._text[begin] == "(":
            tree = self._any()
            if not self._taken(")"):
                raise self._fault(f"a bracket is missing that closes the one at character {begin + 1}")
        else:
            part = self._part()
            tree = part.part if isinstance(part, Not) else Not(part)
        self._depth -= 1
        return tree

    def _condition(self) -> Condition:
        begin, name = self._at, self._word()
        operator = self._operator()
        if not operator:
            self._at = begin
            raise self._fault(_NO_CONDITION)
        if name not in KINDS:
            raise FilterError(begin + 1, f"{name[:50]} is no condition; there are {', '.join(KINDS)}")
        self._conditions += 1
        if self._conditions > CONDITIONS_MAX:
            raise FilterError(begin + 1, f"there are too many conditions: at most {CONDITIONS_MAX} are read")
        kind = KINDS[name]
        if operator != ":" and kind != "number":
            raise FilterError(begin + 1, f"{name} is not compared by {operator}; write {name}:…")
        if kind == "days":
            return Condition(name, days=self._days())
        begin, values = self._at, self._values()
        if kind == "flag" and values not in (("yes",), ("no",)):
            raise FilterError(begin + 1, f"{name} is yes or no")
        if kind == "number":
            self._check_number(begin, values, operator)
        if name == "did" and (unknown := [value for value in values if value not in DEEDS]):
            raise FilterError(begin + 1, f"{unknown[0][:50]} is nothing that one does; there are {', '.join(DEEDS)}")
        properties = self._properties() if name == "event" else ()
        days = self._days() if name in ACTS and self._keyword("in") else None
        return Condition(name, values, operator, properties, days)

    def _properties(self) -> tuple[Property, ...]:
        found: list[Property] = []
        while self._keyword("with"):
            self._skip()
            begin, name = self._at, self._word()
            operator = self._operator()
            if not PROPERTY.fullmatch(name) or not operator:
                raise FilterError(
                    begin + 1, "the name of a property (a-z, 0-9, _) and what it must be is expected, as score>=5"
                )
            place, values = self._at, self._values()
            if operator != ":":
                self._check_number(place, values, operator)
            found.append(Property(name, operator, values))
            if len(found) > VALUES_MAX:
                raise FilterError(begin + 1, f"there are too many properties: at most {VALUES_MAX} are read")
        return tuple(found)

    def _check_number(self, begin: int, values: tuple[str, ...], operator: str) -> None:
        if (operator != ":" and len(values) > 1) or not all(NUMBER.fullmatch(value) for value in values):
            raise FilterError(begin + 1, "a number is expected, as 5 or 2.5")

    def _values(self) -> tuple[str, ...]:
        values = [self._value()]
        while self._taken(","):
            values.append(self._value())
            if len(values) > VALUES_MAX:
                raise self._fault(f"there are too many values: at most {VALUES_MAX} are read")
        return tuple(dict.fromkeys(values))

    def _value(self) -> str:
        self._skip()
        if found := QUOTED.match(self._text, self._at):
            self._at = found.end()
            return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)
        if found := BARE.match(self._text, self._at):
            self._at = found.end()
            return found[0]
        is_open = self._next() in tuple('"“”«')
        raise self._fault("a quotation mark is missing that closes this one" if is_open else "a value is missing")

    def _days(self) -> Days:
        begin, text = self._at, self._value()
        if re.fullmatch(r"[0-9]{1,4}d", text) and 1 <= int(text[:-1]) <= DAYS_MAX:
            return Days(count=int(text[:-1]))
        found = SPAN.fullmatch(text) or SPAN.fullmatch(f"{text}..{text}")
        try:
            first, last = (
                (date.fromisoformat(each) if each else None for each in found.groups()) if found else (None,) * 2
            )
        except ValueError:
            first = last = None
        known = [each for each in (first, last) if each]
        if not known or known != sorted(known) or not all(EARLIEST <= each <= LAST for each in known):
            reason = "days are expected, as 7d, 2026-11-20, 2026-11-01..2026-11-30, 2026-11-01.. or ..2026-11-30"
            raise FilterError(begin + 1, reason)
        return Days(first=first, last=last)

    def _word(self) -> str:
        self._skip()
        found = WORD.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0].lower() if found else ""

    def _operator(self) -> str:
        found = OPERATOR.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return ":" if found[1] == "=" else found[1]

    def _sees(self, keyword: str) -> bool:
        """Whether this keyword comes next: a word that no operator follows."""
        self._skip()
        found = WORD.match(self._text, self._at)
        return bool(found and found[0].lower() == keyword and not OPERATOR.match(self._text, found.end()))

    def _keyword(self, keyword: str) -> bool:
        is_next = self._sees(keyword)
        self._at += len(keyword) if is_next else 0
        return is_next

    def _taken(self, sign: str) -> bool:
        is_next = self._next() == sign
        self._at += is_next
        return is_next

    def _next(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _is_end(self) -> bool:
        return not self._next()

    def _skip(self) -> None:
        if found := SPACE.match(self._text, self._at):
            self._at = found.end()

    def _fault(self, reason: str) -> FilterError:
        self._skip()
        return FilterError(self._at + 1, reason)


_NO_CONDITION = "a condition is expected, as language:ru or messages>10"
