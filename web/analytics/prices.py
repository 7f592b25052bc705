"""What models cost and what currencies are worth, by day: a TOML file of the owner's, checked when it is read.

currency = "USD"

[[prices]]
model = "gpt-4o-mini"
from = 2026-01-01     # the first day, in the zone of CHATTRAIL_WEB_TIMEZONE; left out: ever since
input = 0.15          # for a million tokens
output = 0.60
picture = 0.04        # for one

[[rates]]
currency = "XTR"      # one Star is 0.013 of the table's currency
rate = 0.013
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PER = {"input": Decimal(1_000_000), "output": Decimal(1_000_000), "pictures": Decimal(1)}
ENTRIES_MAX = 1_000
Amount = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=12)]
Day = Annotated[date, Field(ge=date(2013, 1, 1), le=date(2200, 1, 1))]


class PriceTableError(ValueError):
    """The file can't be used; the message has a line for each fault and says what to do."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Dated(_Table):
    start: Day = Field(date.min, alias="from")


D = TypeVar("D", bound=_Dated)


class Price(_Dated):
    """What a model costs from a day on: each for a million tokens, or for one picture; None is no price."""

    model: str = Field(max_length=300)
    input: Amount | None = None
    output: Amount | None = None
    picture: Amount | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.input is None and self.output is None and self.picture is None:
            raise ValueError("has no price: give one or more of input, output and picture; what costs nothing has 0")
        return self

    def of(self, kind: str, count: int) -> Decimal | None:
        """The price of so many tokens (`input`, `output`) or `pictures`."""
        price = self.picture if kind == "pictures" else self.input if kind == "input" else self.output
        return None if price is None else price * count / PER[kind]


class Rate(_Dated):
    """What one unit of a currency is worth from a day on, in the table's."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    rate: Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=12)]


class PriceTable(_Table):
    """Prices and rates, each from its day until the next one of the same model or currency."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    prices: tuple[Price, ...] = Field(max_length=ENTRIES_MAX)
    rates: tuple[Rate, ...] = Field((), max_length=ENTRIES_MAX)

    @field_validator("prices", "rates", mode="before")
    @classmethod
    def _tables(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        _no_doubles("prices", [(each.model, each.start) for each in self.prices])
        _no_doubles("rates", [(each.currency, each.start) for each in self.rates])
        if any(each.currency == self.currency for each in self.rates):
            raise ValueError(f"[[rates]]: {self.currency} is the table's own currency; leave its rate out")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file. Raises PriceTableError."""
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        except OSError as error:
            raise PriceTableError(f"{path} can't be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PriceTableError(f"{path} is not a TOML file: {error}") from None
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise PriceTableError(
                "; ".join(f"{path}: {_where(each['loc'], tree)}{_what(each)}" for each in faults)
            ) from None

    @property
    def models(self) -> tuple[str, ...]:
        """All models that have a price on some day."""
        return tuple(dict.fromkeys(each.model for each in self.prices))

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which something changes."""
        return tuple(sorted({each.start for each in (*self.prices, *self.rates)} - {date.min}))

    def on(self, day: date) -> tuple[Mapping[str, Price], Mapping[str, Decimal]]:
        """Prices by model and rates by currency, as they are on a day."""
        prices = {each.model: each for each in _until(day, self.prices)}
        rates = {each.currency: each.rate for each in _until(day, self.rates)}
        return prices, {**rates, self.currency: Decimal(1)}


def _until(day: date, entries: Sequence[D]) -> list[D]:
    """Those that begin on a day or before it, in the order of their days."""
    return sorted((each for each in entries if each.start <= day), key=lambda each: each.start)


def _no_doubles(table: str, keys: Sequence[tuple[str, date]]) -> None:
    for place, (name, start) in enumerate(keys):
        first = keys.index((name, start))
        if first != place:
            since = "without `from`" if start == date.min else f"from {start}"
            raise ValueError(f"[[{table}]] {first + 1} and {place + 1} are both of {name!r} {since}; keep one of them")


def _where(loc: tuple[int | str, ...], tree: Mapping[str, Any]) -> str:
    """`[[prices]] 2 (gpt-4o) input: `, from ("prices", 1, "input")."""
    if len(loc) < 2 or not isinstance(loc[1], int):
        return f"{loc[0]}: " if loc else ""
    entry = tree[str(loc[0])][loc[1]]
    name = entry.get("model", entry.get("currency")) if isinstance(entry, dict) else None
    named = f" ({name})" if isinstance(name, str) else ""
    return f"[[{loc[0]}]] {loc[1] + 1}{named}{''.join(f' {each}' for each in loc[2:])}: "


def _what(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    known = {"missing": "is missing", "extra_forbidden": "there is no such key; docs/prices.md has all of them"}
    return re.sub(r"^Input should", "should", known.get(fault["type"], message))
