"""Line drawings as SVG coordinates: they need no script, and uPlot takes their place where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline's points, and those of the area between it and the base line."""

    points: str
    area: str


def line(values: Sequence[float], width: int, height: int, top: float | None = None) -> Line:
    """Draw values from left to right; `top` is the value at the upper edge (the largest one when not given)."""
    highest = max(top if top is not None else max(values, default=0), 1e-9)
    if len(values) == 1:
        values = [values[0], values[0]]
    step = width / max(len(values) - 1, 1)
    # Two pixels stay free above and below, so that a thick line is not cut off.
    places = [(index * step, height - 2 - max(value, 0) / highest * (height - 4)) for index, value in enumerate(values)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Line(points, f"0,{height} {points} {width},{height}")
