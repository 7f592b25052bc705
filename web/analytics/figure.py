"""What a headline number is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number, the same of the stretch before (None for all time), and its value per bucket."""

    value: int | float
    previous: int | float | None
    series: tuple[int | float, ...]
