"""The offline painter: a layered landscape for each prompt, always the same for the same prompt and seed.

Everything is painted flat or in vertical gradients: it looks like a poster, and a PNG of it stays small.
"""

import asyncio
import hashlib
import io
import math
import random

from PIL import Image, ImageDraw

from bot.brain.base import Picture
from bot.brain.palettes import HOUR_WORDS, HOURS, PLACE_WORDS, Colour, Palette, by_words

SIZE = 640
_BANDS = 80
_SCALE = 2  # painted larger and scaled down: smooth edges


class OfflinePainter:
    """Paints in a worker thread, without a network."""

    provider = "painter"
    model = "painter-1"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def make(self, prompt: str) -> Picture:
        """Paint what the prompt says, as far as the painter understands it."""
        return Picture(await asyncio.to_thread(paint, prompt, self._seed), "image/png")

    async def close(self) -> None:
        """There is nothing to give back."""


def paint(prompt: str, seed: int) -> bytes:
    """Paint a PNG of SIZE by SIZE."""
    digest = hashlib.sha256(f"{seed}\x1f{prompt}".encode("utf-8", "replace")).digest()
    chance = random.Random(digest)
    words = prompt.lower()
    hour = by_words(HOUR_WORDS, words) or chance.choice(list(HOURS))
    place = by_words(PLACE_WORDS, words) or chance.choice(list(PLACE_WORDS))
    scene = _Scene(chance, chance.choice(HOURS["night" if place == "space" else hour]), tower="lighthouse" in words)
    {
        "space": scene.space,
        "forest": scene.forest,
        "sea": scene.sea,
        "city": scene.city,
        "desert": scene.desert,
        "mountains": scene.mountains,
    }[place]()
    picture = scene.image.reduce(_SCALE)
    out = io.BytesIO()
    picture.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, "PNG", compress_level=6)
    return out.getvalue()


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    a, b, c = (round(x + (y - x) * share) for x, y in zip(one, other, strict=True))
    return a, b, c


class _Scene:
    def __init__(self, chance: random.Random, palette: Palette, *, tower: bool) -> None:
        self.tower = tower
        self.chance = chance
        self.palette = palette
        self.side = SIZE * _SCALE
        self.image = self._sky()
        self.draw = ImageDraw.Draw(self.image)

    def _sky(self) -> Image.Image:
        top, middle, low = self.palette.sky
        column = Image.new("RGB", (1, _BANDS))
        for y in range(_BANDS):
            share = y / (_BANDS - 1)
            column.putpixel((0, y), _mix(top, middle, share / 0.6) if share < 0.6 else _mix(middle, low, (share - 0.6) / 0.4))
        return column.resize((self.side, self.side), Image.Resampling.NEAREST)

    def light(self, y: float, radius: float, between: tuple[float, float] = (0.22, 0.78)) -> tuple[int, int]:
        """Draw sun or moon with a halo of rings."""
        side, x = self.side, self.chance.uniform(*between) * self.side
        cy, r = y * side, radius * side
        horizon = self.palette.sky[1]
        for ring, share in ((2.3, 0.16), (1.75, 0.28), (1.35, 0.42)):
            self.disc(x, cy, r * ring, _mix(horizon, self.palette.light, share))
        self.disc(x, cy, r, self.palette.light)
        return round(x), round(cy)

    def disc(self, x: float, y: float, r: float, colour: Colour) -> None:
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def stars(self, count: int, down_to: float = 0.6) -> None:
        if not self.palette.stars:
            return
        for _ in range(count):
            x, y = self.chance.uniform(0, self.side), self.chance.uniform(0, down_to * self.side)
            self.disc(x, y, self.chance.choice((1.5, 1.5, 2.5, 3.5)), _mix(self.palette.sky[1], (255, 255, 255), self.chance.uniform(0.4, 1)))

    def ridge(self, base: float, height: float, colour: Colour, *, rough: float, jagged: bool = False) -> list[tuple[float, float]]:
        """Draw one layer of land: a sum of waves, or peaks, filled to the ground."""
        side = self.side
        waves = [(self.chance.uniform(0.6, 1.4) * 2**k, self.chance.uniform(0, math.tau), rough**k) for k in range(5)]
        line = []
        for step in range(97):
            x = step / 96
            parts = [(abs(math.sin(f * math.pi * x + p)) * 2 - 1 if jagged else math.sin(f * math.tau * x + p)) * a for f, p, a in waves]
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
                _mix(_mix(self.palette.far, self.palette.sky[2], 0.35), self.palette.near, share),
                rough=rough,
                jagged=jagged,
            )

    def mountains(self) -> None:
        self.stars(140)
        self.light(self.chance.uniform(0.2, 0.36), self.chance.uniform(0.05, 0.085))
        self.layers(5, 0.52, height=0.16, rough=0.55, jagged=True)
        self.pines(self.side * 0.985, 15, 0.16, self.palette.near)

    def desert(self) -> None:
        self.stars(120)
        x, y = self.light(self.chance.uniform(0.22, 0.4), self.chance.uniform(0.07, 0.1))
        self.disc(x + 0.2 * self.side, y - 0.1 * self.side, 0.03 * self.side, _mix(self.palette.sky[1], self.palette.light, 0.6))
        self.layers(4, 0.6, height=0.07, rough=0.3)

    def forest(self) -> None:
        self.stars(110)
        self.light(self.chance.uniform(0.22, 0.36), self.chance.uniform(0.06, 0.1))
        for layer in range(4):
            share = layer / 3
            colour = _mix(_mix(self.palette.far, self.palette.sky[2], 0.3), self.palette.near, share)
            base = 0.62 + 0.12 * layer
            self.ridge(base, 0.04, colour, rough=0.4)
            self.pines(base * self.side + 12, 26 - 5 * layer, 0.13 + 0.085 * layer, colour)
        for _ in range(22):
            x, y = self.chance.uniform(0.08, 0.92) * self.side, self.chance.uniform(0.68, 0.95) * self.side
            self.disc(x, y, 7, _mix(self.palette.near, self.palette.light, 0.35))
            self.disc(x, y, 3, self.palette.light)

    def pines(self, ground: float, count: int, height: float, colour: Colour) -> None:
        for number in range(count):
            x = (number + self.chance.uniform(0.1, 0.9)) / count * self.side
            tall = height * self.chance.uniform(0.55, 1.1) * self.side
            wide = tall * 0.2
            for tier in range(4):
                top = ground - tall * (1 - tier * 0.2)
                self.draw.polygon(
                    [(x, top), (x - wide * (0.45 + tier * 0.2), top + tall * 0.36), (x + wide * (0.45 + tier * 0.2), top + tall * 0.36)],
                    fill=colour,
                )
            self.draw.rectangle((x - 3, ground - tall * 0.1, x + 3, ground + 20), fill=colour)

    def sea(self) -> None:
        side, water = self.side, 0.6
        self.stars(130, 0.55)
        tower = self.chance.choice((0.15, 0.84) if self.tower else (0.15, 0.84, None))
        if tower is not None and self.palette.stars:
            self.beam(tower)
        shore = (0.22, 0.78) if tower is None else (0.5, 0.72) if tower < 0.5 else (0.28, 0.5)
        x, _ = self.light(self.chance.uniform(0.24, 0.46), self.chance.uniform(0.055, 0.09), shore)
        self.ridge(water - 0.005, 0.03, _mix(self.palette.far, self.palette.sky[2], 0.4), rough=0.5)
        for band in range(26):
            top = (water + (1 - water) * band / 26) * side
            self.draw.rectangle((0, top, side, side), fill=_mix(_mix(self.palette.far, self.palette.sky[2], 0.3), self.palette.near, band / 25))
        for glint in range(26):
            y = (water + 0.012 + (0.36 * glint / 26)) * side
            half = self.chance.uniform(0.01, 0.03 + 0.004 * glint) * side
            dx = self.chance.uniform(-0.03, 0.03) * side
            self.draw.rounded_rectangle((x + dx - half, y, x + dx + half, y + 5), 2, fill=_mix(self.palette.far, self.palette.light, 0.75 - 0.018 * glint))
        if tower is not None:
            self.lighthouse(tower)
        self.sail(self.chance.uniform(0.35, 0.65) * side, (water + 0.07) * side)

    def beam(self, at: float) -> None:
        """Let the lighthouse shine away from the middle, where sun or moon stand."""
        side, x, colour = self.side, at * self.side, _mix(self.palette.sky[1], self.palette.light, 0.3)
        for away in (-0.6, 0.6):
            end = x + away * side
            self.draw.polygon([(x, 0.40 * side), (end, 0.26 * side), (end, 0.36 * side)], fill=colour)

    def lighthouse(self, at: float) -> None:
        side, x, dark = self.side, at * self.side, self.palette.near
        self.draw.polygon([(x - 0.028 * side, 0.66 * side), (x - 0.017 * side, 0.42 * side), (x + 0.017 * side, 0.42 * side), (x + 0.028 * side, 0.66 * side)], fill=_mix(dark, (255, 255, 255), 0.82))
        for stripe in range(3):
            y, half = (0.46 + stripe * 0.065) * side, (0.019 + stripe * 0.003) * side
            self.draw.rectangle((x - half, y, x + half, y + 0.028 * side), fill=(196, 64, 66))
        self.draw.rectangle((x - 0.022 * side, 0.375 * side, x + 0.022 * side, 0.425 * side), fill=dark)
        self.disc(x, 0.40 * side, 0.013 * side, self.palette.light)
        self.draw.polygon([(x - 0.026 * side, 0.377 * side), (x, 0.35 * side), (x + 0.026 * side, 0.377 * side)], fill=(150, 48, 56))
        self.draw.ellipse((x - 0.2 * side, 0.63 * side, x + 0.2 * side, 0.86 * side), fill=dark)

    def sail(self, x: float, y: float) -> None:
        white = _mix(self.palette.light, self.palette.sky[2], 0.25)
        self.draw.polygon([(x, y - 92), (x, y - 10), (x + 54, y - 10)], fill=white)
        self.draw.polygon([(x - 6, y - 76), (x - 6, y - 10), (x - 38, y - 10)], fill=_mix(white, self.palette.far, 0.3))
        self.draw.polygon([(x - 52, y - 4), (x + 62, y - 4), (x + 38, y + 18), (x - 36, y + 18)], fill=self.palette.near)

    def city(self) -> None:
        self.stars(90, 0.4)
        self.light(self.chance.uniform(0.18, 0.34), self.chance.uniform(0.06, 0.1))
        for layer, (width, tall) in enumerate(((0.075, 0.34), (0.1, 0.30), (0.15, 0.26))):
            share = layer / 2
            colour = _mix(_mix(self.palette.far, self.palette.sky[2], 0.25), self.palette.near, share)
            self.houses(0.58 + 0.14 * layer, width, tall, colour, lit=0.16 + 0.16 * layer)
        self.draw.rectangle((0, 0.93 * self.side, self.side, self.side), fill=_mix(self.palette.near, (0, 0, 0), 0.3))

    def houses(self, base: float, width: float, tall: float, colour: Colour, *, lit: float) -> None:
        side, x = self.side, -0.03 * self.side
        window = _mix(colour, (255, 206, 120), 0.85)
        while x < side:
            w = width * self.chance.uniform(0.7, 1.3) * side
            top = (base - tall * self.chance.uniform(0.25, 1.0)) * side
            self.draw.rectangle((x, top, x + w, side), fill=colour)
            if self.chance.random() < 0.45:
                self.draw.polygon([(x, top), (x + w / 2, top - w * 0.4), (x + w, top)], fill=colour)
            cell = w / max(2, round(w / 34))
            for row in range(1, int((side - top) / 44)):
                for column in range(round(w / cell)):
                    if self.chance.random() < lit:
                        wx, wy = x + (column + 0.3) * cell, top + row * 40
                        self.draw.rectangle((wx, wy, wx + cell * 0.4, wy + 20), fill=window)
            x += w + self.chance.choice((0, 0, 6, 14))

    def space(self) -> None:
        self.stars(320, 1.0)
        side = self.side
        x, y, r = self.chance.uniform(0.32, 0.68) * side, self.chance.uniform(0.36, 0.56) * side, self.chance.uniform(0.13, 0.19) * side
        tint = self.chance.choice(((214, 128, 96), (96, 160, 200), (186, 148, 214), (224, 186, 116), (110, 190, 160)))
        tilt = self.chance.uniform(-24, 24)
        self.globe(x, y, r, tint, ring=self.chance.random() < 0.7, tilt=tilt)
        for _ in range(self.chance.choice((1, 1, 2))):
            self.globe(self.chance.choice((0.14, 0.86)) * side, self.chance.uniform(0.12, 0.8) * side, self.chance.uniform(0.02, 0.05) * side, self.palette.light)
        self.ridge(0.97, 0.05, self.palette.near, rough=0.5, jagged=True)

    def globe(self, x: float, y: float, r: float, tint: Colour, *, ring: bool = False, tilt: float = 0.0) -> None:
        """Draw a planet of bands with a shaded side, its ring partly behind it."""
        half = round(r * 2.4) if ring else round(r) + 1
        layer = Image.new("RGBA", (half * 2, half * 2), (0, 0, 0, 0))
        draw = ImageDraw.Draw(layer)
        hoop = (half - r * 2.1, half - r * 0.5, half + r * 2.1, half + r * 0.5)
        hoop_colour, hoop_width = (*_mix(tint, (255, 245, 225), 0.45), 255), round(r * 0.16)
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
        colour = _mix(tint, (255, 255, 255) if band % 2 else (30, 20, 60), 0.08 * (band % 4))
        draw.rectangle((0, 2 * r * band / 9, 2 * r, 2 * r * (band + 1) / 9), fill=colour)
    for step in range(4):
        shade = Image.new("L", (2 * r, 2 * r), 58)
        shift, reach = r * (0.62 - step * 0.13), r * 1.15
        ImageDraw.Draw(shade).ellipse((r - reach - shift, r - reach - shift, r + reach - shift, r + reach - shift), fill=0)
        body.paste((8, 8, 30), mask=shade)
    return body, mask
