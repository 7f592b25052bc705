"""Growth of memory and of file handles over a soak: the median of the last quarter of the samples against that of the first."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIB = 1 << 20
MEMORY_MAX = 8 * MIB
HANDLES_MAX = 4


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of the first and of the last quarter, and by how much the last may be above the first."""

    name: str
    first: float
    last: float
    most: float
    unit: float = 1

    @property
    def complaint(self) -> str:
        """Why this counts as a leak; "" when it does not."""
        return f"{self.name} grow: {self}" if self.last - self.first > self.most else ""

    def __str__(self) -> str:
        return f"{self.first / self.unit:.0f} → {self.last / self.unit:.0f}" + (" MiB" if self.unit == MIB else "")


def memory_growth(samples: Sequence[float]) -> Growth:
    """Of samples of resident memory, in bytes."""
    return Growth("bytes of memory", *_medians(samples), MEMORY_MAX, MIB)


def handle_growth(samples: Sequence[float]) -> Growth:
    """Of samples of the number of open file handles."""
    return Growth("file handles", *_medians(samples), HANDLES_MAX)


def _medians(samples: Sequence[float]) -> tuple[float, float]:
    quarter = len(samples) // 4
    if quarter < 2:
        raise ValueError(f"{len(samples)} samples are too few to compare")
    return statistics.median(samples[:quarter]), statistics.median(samples[-quarter:])
