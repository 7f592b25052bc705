"""The chart of /stats. It holds digits alone, as the font that Pillow brings has no Cyrillic; its caption names the lines."""

import io
import math
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PIL import Image, ImageDraw, ImageFont

from chattrail.aiogram.owner.client import Slot, Stats

LINES = (("messages", "#2a9bd8", "🟦"), ("sent", "#8a96a3", "⬜"), ("pictures", "#e08a3c", "🟧"))
_SIZE, _SCALE = (1000, 520), 2  # drawn twice as large and made smaller, which smooths the lines
_LEFT, _RIGHT, _TOP, _BOTTOM = 110, 40, 30, 50
_LABELS = {"hour": "%H:%M", "day": "%d.%m"}
_GRID, _AREA, _INK = "#e6eaee", "#e5f3fa", "#55606c"


def draw(stats: Stats) -> bytes:
    """Draw what happened over time as a PNG. For a worker thread: some 50 ms."""
    image = Image.new("RGB", (_SIZE[0] * _SCALE, _SIZE[1] * _SCALE), "white")
    canvas = ImageDraw.Draw(image)
    font = ImageFont.load_default(20 * _SCALE)
    slots = stats.activity
    largest = max(max(slot.messages, slot.sent, slot.pictures) for slot in slots)
    step = _step(largest)
    top = max(step, math.ceil(largest / step) * step)

    def at(position: int, value: float) -> tuple[float, float]:
        width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM
        x = _LEFT + width * (position / (len(slots) - 1) if len(slots) > 1 else 0.5)
        return x * _SCALE, (_TOP + height * (1 - value / top)) * _SCALE

    def line(name: str) -> list[tuple[float, float]]:
        return [at(position, getattr(slot, name)) for position, slot in enumerate(slots)]

    first = line(LINES[0][0])
    canvas.polygon([at(0, 0), *first, at(len(slots) - 1, 0)], fill=_AREA)
    for value in range(0, top + 1, step):
        y = at(0, value)[1]
        canvas.line([(_LEFT * _SCALE, y), ((_SIZE[0] - _RIGHT) * _SCALE, y)], fill=_GRID, width=_SCALE)
        canvas.text(((_LEFT - 12) * _SCALE, y), f"{value:,}", fill=_INK, font=font, anchor="rm")
    for name, colour, _ in reversed(LINES):
        points = line(name)
        canvas.line(points, fill=colour, width=3 * _SCALE, joint="curve")
        for x, y in points if len(points) <= 60 else ():
            radius = 4 * _SCALE
            canvas.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
    every = math.ceil(len(slots) / 8)
    for position, text in list(enumerate(_labels(slots, stats.range.timezone, stats.range.bucket)))[::every]:
        x, y = at(position, 0)
        canvas.text((x, y + 14 * _SCALE), text, fill=_INK, font=font, anchor="mt")
    out = io.BytesIO()
    image.resize(_SIZE, Image.Resampling.LANCZOS).save(out, "png", optimize=True)
    return out.getvalue()


def _step(largest: float) -> int:
    """Return the distance of the grid's lines, of which there are up to five: 1, 2 or 5 times a power of ten, and whole."""
    least = max(1.0, largest / 4)
    power = 10 ** math.floor(math.log10(least))
    return int(next(power * times for times in (1, 2, 5, 10) if power * times >= least))


def _labels(slots: Sequence[Slot], timezone: str, bucket: str) -> list[str]:
    """Return the times as the dashboard cuts its days. Without the zone's data they are in UTC."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = None
    form = _LABELS.get(bucket, "%d.%m.%y")
    return [(slot.at.astimezone(zone) if zone else slot.at).strftime(form) for slot in slots]
