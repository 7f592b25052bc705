"""Telegram counts money in the smallest unit of a currency; events count in the currency."""

# https://core.telegram.org/bots/payments/currencies.json: "exp" where it is not 2. Stars (XTR) have no smaller unit.
_DIGITS = {"XTR": 0, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "PYG": 0, "UGX": 0, "VND": 0}


def amount(smallest_units: int, currency: str) -> float:
    """Return an amount in units of its currency: 250 XTR, 4.99 USD."""
    return float(smallest_units / 10 ** _DIGITS.get(currency, 2))
