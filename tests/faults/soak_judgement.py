"""Does it leak? What samples of memory and of file handles over a soak tell, and how sure that is.

Memory. Samples a few seconds apart are not independent, so they are first averaged over 16 blocks of equal length. Through the
block means goes a least-squares line; its slope gets a two-sided 95 % interval (Student's t, 14 degrees of freedom), which is
widened by the correlation that is left between neighbouring blocks. Memory counts as flat when the *upper* end of the
interval, over the time that was watched, stays below `ALLOWED`. So a series that is too noisy to tell does not pass, either.

Handles. They are few and come and go with connections: the median of the last quarter may be above that of the first by
`SPARE_HANDLES` at most.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIB = 1 << 20
ALLOWED = 8 * MIB
SPARE_HANDLES = 4
BLOCKS = 16
STUDENT_T = 2.145  # 97.5 % of Student's t with BLOCKS - 2 degrees of freedom
MOST_CORRELATED = 0.9

Series = Sequence[tuple[float, float]]  # seconds, value


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through a series of memory: bytes and hours. The margin is half of the 95 % interval."""

    mean: float
    slope_per_h: float
    margin_per_h: float
    hours: float

    @property
    def complaint(self) -> str:
        """Why it does not count as flat; "" when it does."""
        if (self.slope_per_h + self.margin_per_h) * self.hours < ALLOWED:
            return ""
        kind = "memory grows" if self.slope_per_h > self.margin_per_h else "memory is too unsteady to call it flat"
        return f"{kind}: {self}"

    def __str__(self) -> str:
        return (
            f"{self.slope_per_h / MIB:+.1f} ± {self.margin_per_h / MIB:.1f} MiB an hour "
            f"at {self.mean / MIB:.0f} MiB, watched for {self.hours * 60:.0f} min"
        )


@dataclass(frozen=True, slots=True)
class Handles:
    """Open file handles: medians of the first and of the last quarter of what was watched."""

    first: float
    last: float

    @property
    def complaint(self) -> str:
        """Why they do not count as flat; "" when they do."""
        return f"file handles grow: {self}" if self.last - self.first > SPARE_HANDLES else ""

    def __str__(self) -> str:
        return f"{self.first:g} → {self.last:g}"


def trend(series: Series) -> Trend:
    """Fit a line. Raises ValueError when there are fewer than two samples a block."""
    size = len(series) // BLOCKS
    if size < 2:
        raise ValueError(f"{len(series)} samples are too few for a slope")
    newest = series[len(series) - size * BLOCKS :]  # what does not fill a block is left out at the beginning
    blocks = [newest[begin : begin + size] for begin in range(0, len(newest), size)]
    times = [statistics.fmean(at for at, _ in block) / 3600 for block in blocks]
    means = [statistics.fmean(value for _, value in block) for block in blocks]
    line = statistics.linear_regression(times, means)
    off = [value - line.intercept - line.slope * at for at, value in zip(times, means, strict=True)]
    spread = statistics.pvariance(times) * BLOCKS
    error = math.sqrt(sum(one * one for one in off) / (BLOCKS - 2) / spread) * math.sqrt(_inflation(off))
    hours = (newest[-1][0] - newest[0][0]) / 3600
    return Trend(statistics.fmean(means), line.slope, STUDENT_T * error, hours)


def handles(series: Series) -> Handles:
    """Compare the quarters. Raises ValueError when there are fewer than two samples a quarter."""
    quarter = len(series) // 4
    if quarter < 2:
        raise ValueError(f"{len(series)} samples are too few to compare")
    counts = [value for _, value in series]
    return Handles(statistics.median(counts[:quarter]), statistics.median(counts[-quarter:]))


def _inflation(residuals: Sequence[float]) -> float:
    """By how much neighbours that go together widen the variance of a mean: (1 + r) / (1 - r)."""
    total = sum(one * one for one in residuals)
    if total == 0:
        return 1.0
    together = sum(left * right for left, right in itertools.pairwise(residuals)) / total
    r = min(max(together, 0.0), MOST_CORRELATED)
    return (1 + r) / (1 - r)
