"""Telegram counts money in the smallest unit of a currency; events count in the currency, and keep that number too."""

from typing import Any

from chattrail.currencies import minor_digits


def amount(smallest_units: int, currency: str) -> float:
    """Return an amount in units of its currency: 250 XTR, 4.99 USD, 1.5 JOD."""
    return float(smallest_units / 10 ** minor_digits(currency))


def price(smallest_units: object, currency: object) -> dict[str, Any]:
    """Return the fields of a PremiumAction that say how much; none where that is not known."""
    if not isinstance(smallest_units, int) or not isinstance(currency, str):
        return {}
    return {"amount": amount(smallest_units, currency), "currency": currency, "minor_units": smallest_units}
