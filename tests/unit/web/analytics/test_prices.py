"""The price table: what is valid on which day, and faults that name the entry and say what to do."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from web.analytics.cost import Usage, cost_of
from web.analytics.prices import PriceTable, PriceTableError

GOOD = """
currency = "USD"
[[prices]]
model = "m"
from = 2026-02-01
input = 0.1
[[prices]]
model = "m"
input = "0.30"
output = 1
[[rates]]
currency = "XTR"
from = 2026-03-01
rate = 0.013
"""


def table(folder: Path, text: str) -> PriceTable:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return PriceTable.read(path)


def test_a_price_counts_from_its_day_until_the_next_one(tmp_path: Path) -> None:
    prices = table(tmp_path, GOOD)
    assert prices.models == ("m",)
    assert prices.days == (date(2026, 2, 1), date(2026, 3, 1))
    before, rates = prices.on(date(2026, 1, 31))
    assert (before["m"].input, before["m"].output) == (Decimal("0.3"), Decimal(1))
    assert rates == {"USD": 1}
    after, rates = prices.on(date(2026, 3, 1))
    assert (after["m"].input, after["m"].output) == (Decimal("0.1"), None)
    assert rates == {"USD": 1, "XTR": Decimal("0.013")}


def test_sums_are_exact_whatever_their_size(tmp_path: Path) -> None:
    prices = table(tmp_path, GOOD)
    tokens = 2**64 - 1
    usage = Usage(0, date(2026, 2, 1), {"input:m": tokens}, {"USD": 10**33}, {"USD": 0.1 + 0.2})
    cost = cost_of(prices, [usage], [0], is_compared=False)
    assert cost.total is not None
    assert cost.total.value == float(Decimal(tokens) / 10_000_000)
    assert cost.revenue is not None
    assert cost.revenue.value == float(10**31)


@pytest.mark.parametrize(
    ("changed", "to", "says"),
    [
        ("currency = ", "currency == ", "prices.toml is not a TOML file: "),
        ('"USD"', '"usd"', "currency: String should match"),
        ('currency = "USD"', "", "currency: is missing"),
        ("input = 0.1", "input = -1", "[[prices]] 1 (m) input: should be greater than or equal to 0"),
        ("input = 0.1", "input = nan", "[[prices]] 1 (m) input: should be a finite number"),
        ("input = 0.1", 'input = "cheap"', "[[prices]] 1 (m) input: should be a valid decimal"),
        ("input = 0.1", "input = true", "[[prices]] 1 (m) input: "),
        (
            "input = 0.1",
            "inputs = 0.1",
            "[[prices]] 1 (m) inputs: there is no such key; docs/prices.md has all of them",
        ),
        ("input = 0.1", "", "[[prices]] 1 (m): has no price: give one or more of input, output and picture"),
        (
            "from = 2026-02-01",
            "from = 1026-02-01",
            "[[prices]] 1 (m) from: should be greater than or equal to 2013-01-01",
        ),
        ("from = 2026-02-01", 'from = "soon"', "[[prices]] 1 (m) from: should be a valid date"),
        ("from = 2026-02-01", "", "[[prices]] 1 and 2 are both of 'm' without `from`; keep one of them"),
        ('currency = "XTR"', 'currency = "USD"', "[[rates]]: USD is the table's own currency; leave its rate out"),
        ("rate = 0.013", "", "[[rates]] 1 (XTR) rate: is missing"),
        ("rate = 0.013", "rate = 0", "[[rates]] 1 (XTR) rate: should be greater than 0"),
        ("[[rates]]", "[rates]", "rates: "),
    ],
)
def test_a_fault_names_its_entry(tmp_path: Path, changed: str, to: str, says: str) -> None:
    assert changed in GOOD
    with pytest.raises(PriceTableError) as error:
        table(tmp_path, GOOD.replace(changed, to, 1))
    assert says in str(error.value)
    assert str(tmp_path / "prices.toml") in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PriceTableError, match=r"absent.toml can't be read: No such file"):
        PriceTable.read(tmp_path / "absent.toml")
