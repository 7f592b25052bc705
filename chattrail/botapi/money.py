"""Telegram counts money in the smallest unit of a currency; events count in the currency, and keep that number too."""

from typing import Any

# "exp" of https://core.telegram.org/bots/payments/currencies.json where it is not 2. Stars (XTR) have no smaller unit.
_DIGITS = dict.fromkeys(("XTR", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND"), 0) | dict.fromkeys(
    ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3
)


def amount(smallest_units: int, currency: str) -> float:
    """Return an amount in units of its currency: 250 XTR, 4.99 USD, 1.5 JOD."""
    return float(smallest_units / 10 ** _DIGITS.get(currency, 2))


def price(smallest_units: object, currency: object) -> dict[str, Any]:
    """Return the fields of a PremiumAction that say how much; none where that is not known."""
    if not isinstance(smallest_units, int) or not isinstance(currency, str):
        return {}
    return {"amount": amount(smallest_units, currency), "currency": currency, "minor_units": smallest_units}
