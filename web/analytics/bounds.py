"""How large a number can be. A larger one is shown as "more than …", and sums leave it out.

Sums are made where events are stored: the migration 0010_numbers_left_out.sql has the same bound for a price.
"""

from contextlib import suppress

NUMBER_MAX = 1e15  # every whole number up to it is exact as a float, in Python, SQL and JavaScript alike
AMOUNT_MAX = 1e9
DURATION_MS_MAX = 10_000 * 86_400_000.0
SHARE_MAX = 1e6
SIZE_MAX = 1e18


def read_number(text: str) -> float | None:
    """The number that an attribute's text is, infinite and NaN included, or None."""
    with suppress(ValueError):
        return float(text) if "_" not in text else None
    return None
