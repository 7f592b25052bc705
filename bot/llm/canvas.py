"""What every landscape of the offline painter is made of: sky, light, stars, ridges, trees, planets."""

import math
import random

from PIL import Image, ImageDraw

from bot.llm.palettes import Colour, Palette

SIZE = 640
SCALE = 2  # painted larger and scaled down: smooth edges
_BANDS = 80


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Blend two colours; share 0 is the one, 1 the other."""
    a, b, c = (round(x + (y - x) * share) for x, y in zip(one, other, strict=True))
    return a, b, c


class Canvas:
    """A picture under work, its sky painted. Coordinates of the methods are in pixels of the large picture."""

    def __init__(self, chance: random.Random, palette: Palette, *, tower: bool) -> None:
        self.tower = tower
        self.chance = chance
        self.palette = palette
        self.side = SIZE * SCALE
        self.image = self._sky()
        self.draw = ImageDraw.Draw(self.image)

    def _sky(self) -> Image.Image:
        top, middle, low = self.palette.sky
        column = Image.new("RGB", (1, _BANDS))
        for y in range(_BANDS):
            share = y / (_BANDS - 1)
            column.putpixel(
                (0, y), mix(top, middle, share / 0.6) if share < 0.6 else mix(middle, low, (share - 0.6) / 0.4)
            )
        return column.resize((self.side, self.side), Image.Resampling.NEAREST)

    def light(self, y: float, radius: float, between: tuple[float, float] = (0.22, 0.78)) -> tuple[int, int]:
        """Draw sun or moon with a halo of rings."""
        side, x = self.side, self.chance.uniform(*between) * self.side
        cy, r = y * side, radius * side
        horizon = self.palette.sky[1]
        for ring, share in ((2.3, 0.16), (1.75, 0.28), (1.35, 0.42)):
            self.disc(x, cy, r * ring, mix(horizon, self.palette.light, share))
        self.disc(x, cy, r, self.palette.light)
        return round(x), round(cy)

    def disc(self, x: float, y: float, r: float, colour: Colour) -> None:
        """Fill a circle."""
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def stars(self, count: int, down_to: float = 0.6) -> None:
        """Scatter stars, if this is an hour for them."""
        if not self.palette.stars:
            return
        for _ in range(count):
            x, y = self.chance.uniform(0, self.side), self.chance.uniform(0, down_to * self.side)
            self.disc(
                x,
                y,
                self.chance.choice((1.5, 1.5, 2.5, 3.5)),
                mix(self.palette.sky[1], (255, 255, 255), self.chance.uniform(0.4, 1)),
            )

    def ridge(
        self, base: float, height: float, colour: Colour, *, rough: float, jagged: bool = False
    ) -> list[tuple[float, float]]:
        """Draw one layer of land: a sum of waves, or peaks, filled to the ground."""
        side = self.side
        waves = [(self.chance.uniform(0.6, 1.4) * 2**k, self.chance.uniform(0, math.tau), rough**k) for k in range(5)]
        line = []
        for step in range(97):
            x = step / 96
            parts = [
                (abs(math.sin(f * math.pi * x + p)) * 2 - 1 if jagged else math.sin(f * math.tau * x + p)) * a
                for f, p, a in waves
            ]
            line.append((x * side, (base - height * sum(parts) / 2) * side))
        self.draw.polygon([(0, side), *line, (side, side)], fill=colour)
        return line

    def layers(self, count: int, start: float, *, height: float, rough: float, jagged: bool = False) -> None:
        """Draw ridges from far to near, from haze to dark."""
        for layer in range(count):
            share = layer / max(1, count - 1)
            self.ridge(
                start + (0.96 - start) * share,
                height * (1 - 0.45 * share),
                mix(mix(self.palette.far, self.palette.sky[2], 0.35), self.palette.near, share),
                rough=rough,
                jagged=jagged,
            )

    def pines(self, ground: float, count: int, height: float, colour: Colour) -> None:
        """Draw a row of pines."""
        for number in range(count):
            x = (number + self.chance.uniform(0.1, 0.9)) / count * self.side
            tall = height * self.chance.uniform(0.55, 1.1) * self.side
            wide = tall * 0.2
            for tier in range(4):
                top = ground - tall * (1 - tier * 0.2)
                self.draw.polygon(
                    [
                        (x, top),
                        (x - wide * (0.45 + tier * 0.2), top + tall * 0.36),
                        (x + wide * (0.45 + tier * 0.2), top + tall * 0.36),
                    ],
                    fill=colour,
                )
            self.draw.rectangle((x - 3, ground - tall * 0.1, x + 3, ground + 20), fill=colour)

    def globe(self, x: float, y: float, r: float, tint: Colour, *, ring: bool = False, tilt: float = 0.0) -> None:
        """Draw a planet of bands with a shaded side, its ring partly behind it."""
        half = round(r * 2.4) if ring else round(r) + 1
        layer = Image.new("RGBA", (half * 2, half * 2), (0, 0, 0, 0))
        draw = ImageDraw.Draw(layer)
        hoop = (half - r * 2.1, half - r * 0.5, half + r * 2.1, half + r * 0.5)
        hoop_colour, hoop_width = (*mix(tint, (255, 245, 225), 0.45), 255), round(r * 0.16)
        if ring:
            draw.arc(hoop, 180, 360, fill=hoop_colour, width=hoop_width)
        body, mask = _ball(round(r), tint)
        layer.paste(body, (half - round(r), half - round(r)), mask)
        if ring:
            draw.arc(hoop, 0, 180, fill=hoop_colour, width=hoop_width)
        layer = layer.rotate(tilt, Image.Resampling.BILINEAR)
        self.image.paste(layer, (round(x) - half, round(y) - half), layer)


def _ball(r: int, tint: Colour) -> tuple[Image.Image, Image.Image]:
    body, mask = Image.new("RGB", (2 * r, 2 * r), tint), Image.new("L", (2 * r, 2 * r), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, 2 * r - 1, 2 * r - 1), fill=255)
    draw = ImageDraw.Draw(body)
    for band in range(9):
        colour = mix(tint, (255, 255, 255) if band % 2 else (30, 20, 60), 0.08 * (band % 4))
        draw.rectangle((0, 2 * r * band / 9, 2 * r, 2 * r * (band + 1) / 9), fill=colour)
    for step in range(4):
        shade = Image.new("L", (2 * r, 2 * r), 58)
        shift, reach = r * (0.62 - step * 0.13), r * 1.15
        ImageDraw.Draw(shade).ellipse(
            (r - reach - shift, r - reach - shift, r + reach - shift, r + reach - shift), fill=0
        )
        body.paste((8, 8, 30), mask=shade)
    return body, mask
