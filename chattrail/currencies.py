"""How many digits each currency of Telegram's payments has behind the point."""

# https://core.telegram.org/bots/payments/currencies.json: "exp" where it is not 2. Stars (XTR) have no smaller unit.
_DIGITS = dict.fromkeys(("XTR", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND"), 0) | dict.fromkeys(
    ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3
)


def minor_digits(currency: str) -> int:
    """The digits of an ISO 4217 code, or XTR: 0 for JPY, 3 for JOD, 2 for USD and for codes that Telegram does not know."""
    return _DIGITS.get(currency, 2)
