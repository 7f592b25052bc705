"""What models did and what that cost: the models of the API, and the sum of usage times the price of its day."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext

from chattrail.currencies import minor_digits
from web.analytics.figure import Figure
from web.analytics.prices import PriceTable

DIGITS = 100  # of intermediate results: more than any product of a sum and a price has, so nothing is rounded
UNIT_DIGITS = 6  # of money that was sent in units: more than any currency has, fewer than a float's noise
KINDS = ("input", "output", "pictures")


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What a model did in the range; '' is the name of those that events do not name.

    `cost` is of what has a price, None where nothing has one; `is_priced` says whether everything has.
    """

    model: str
    input_tokens: int
    output_tokens: int
    pictures: int
    cost: int | float | None
    is_priced: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """Money spent on models, in the currency of the price table ('' and no figures without a table).

    `total` is of what has a price, and `without_price` names the models of which something has none. `revenue` is what was paid
    less what was refunded, in the table's currency, and `margin` is what is left of it; both are None while currencies that
    `without_rate` names cannot be turned into it. Models that do least are not listed beyond a hundred: `unlisted` is how many.
    """

    currency: str
    total: Figure | None
    revenue: Figure | None
    margin: Figure | None
    models: tuple[ModelUse, ...]
    without_price: tuple[str, ...]
    without_rate: tuple[str, ...]
    unlisted: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What happened from one edge to the next, within days of the same prices.

    `used` is tokens and pictures by 'input:', 'output:' or 'pictures:' and the model, of models in the price table alone; money by
    currency in smallest units (`minor`) and in `units`.
    """

    at: int  # Unix seconds
    day: date
    used: Mapping[str, int]
    minor: Mapping[str, int]
    units: Mapping[str, float]


@dataclass(slots=True)
class _Sum:
    cost: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)
    without_rate: set[str] = field(default_factory=set)

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost


@dataclass(slots=True)
class _Use:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    cost: Decimal | None = None
    is_priced: bool = True


def cost_of(
    prices: PriceTable | None,
    usages: Iterable[Usage],
    buckets: Sequence[int],
    is_compared: bool,
    others: Iterable[tuple[str, str, int]] = (),
    unlisted: int = 0,
) -> Cost:
    """The cost of a range whose buckets begin at these Unix seconds; what lies before them is the stretch to compare with, if any.

    `others` are kind, model and sum of what models did in the range that are not in the price table.
    """
    sums = [_Sum() for _ in range(len(buckets) + 1)]  # the first one is the stretch before
    models: dict[str, _Use] = defaultdict(_Use)
    with localcontext(prec=DIGITS):
        for usage in usages:
            place = bisect_right(buckets, usage.at)
            _add(usage, prices, sums[place], models if place else defaultdict(_Use))
        for kind, model, count in others:
            models[model].counts[kind] += count
            models[model].is_priced = False
        before, within = sums[0], sums[1:]
        without_rate = sorted(set[str]().union(*(each.without_rate for each in within)))

        def figure(of: Callable[[_Sum], Decimal], comparable: bool = True) -> Figure:
            values = list(map(of, within))
            return Figure(
                number(sum(values, Decimal(0))),
                number(of(before)) if is_compared and comparable else None,
                tuple(map(number, values)),
            )

        has_rates = prices is not None and not without_rate
        comparable = not before.without_rate
        return Cost(
            currency=prices.currency if prices else "",
            total=figure(lambda each: each.cost) if prices else None,
            revenue=figure(lambda each: each.revenue, comparable) if has_rates else None,
            margin=figure(lambda each: each.margin, comparable) if has_rates else None,
            models=_listed(models),
            without_price=tuple(sorted(name for name, use in models.items() if not use.is_priced)) if prices else (),
            without_rate=tuple(without_rate) if prices else (),
            unlisted=unlisted,
        )


def number(amount: Decimal) -> int | float:
    """An amount as JSON has numbers: the nearest float, whole ones without a point."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _add(usage: Usage, table: PriceTable | None, to: _Sum, models: dict[str, _Use]) -> None:
    prices, rates = table.on(usage.day) if table else ({}, {})
    for key, count in usage.used.items():
        kind, _, model = key.partition(":")
        use, price = models[model], prices.get(model)
        use.counts[kind] += count
        amount = price.of(kind, count) if price else None
        if amount is None:
            use.is_priced = False
        else:
            use.cost = (use.cost or Decimal(0)) + amount
            to.cost += amount
    for currency in {*usage.minor, *usage.units}:
        minor, units = Decimal(usage.minor.get(currency, 0)), Decimal(usage.units.get(currency, 0))
        if not (paid := minor.scaleb(-minor_digits(currency)) + round(units, UNIT_DIGITS)):
            continue
        if currency in rates:
            to.revenue += paid * rates[currency]
        else:
            to.without_rate.add(currency)


def _listed(models: Mapping[str, _Use]) -> tuple[ModelUse, ...]:
    """The dearest first, then those that did most."""
    ordered = sorted(models.items(), key=lambda one: (-(one[1].cost or 0), -sum(one[1].counts.values()), one[0]))
    return tuple(
        ModelUse(
            model,
            use.counts["input"],
            use.counts["output"],
            use.counts["pictures"],
            None if use.cost is None else number(use.cost),
            use.is_priced,
        )
        for model, use in ordered
    )
