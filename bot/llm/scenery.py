"""The places that the offline painter knows."""

from bot.llm.canvas import Canvas, mix
from bot.llm.palettes import Colour


class Scenery(Canvas):
    """Paints one place onto the sky, from far to near."""

    def mountains(self) -> None:
        """Ridges behind a row of pines."""
        self.stars(140)
        self.light(self.chance.uniform(0.2, 0.36), self.chance.uniform(0.05, 0.085))
        self.layers(5, 0.52, height=0.16, rough=0.55, jagged=True)
        self.pines(self.side * 0.985, 15, 0.16, self.palette.near)

    def desert(self) -> None:
        """Dunes, and a second moon."""
        self.stars(120)
        x, y = self.light(self.chance.uniform(0.22, 0.4), self.chance.uniform(0.07, 0.1))
        self.disc(
            x + 0.2 * self.side,
            y - 0.1 * self.side,
            0.03 * self.side,
            mix(self.palette.sky[1], self.palette.light, 0.6),
        )
        self.layers(4, 0.6, height=0.07, rough=0.3)

    def forest(self) -> None:
        """Rows of pines with fireflies between them."""
        self.stars(110)
        self.light(self.chance.uniform(0.22, 0.36), self.chance.uniform(0.06, 0.1))
        for layer in range(4):
            share = layer / 3
            colour = mix(mix(self.palette.far, self.palette.sky[2], 0.3), self.palette.near, share)
            base = 0.62 + 0.12 * layer
            self.ridge(base, 0.04, colour, rough=0.4)
            self.pines(base * self.side + 12, 26 - 5 * layer, 0.13 + 0.085 * layer, colour)
        for _ in range(22):
            x, y = self.chance.uniform(0.08, 0.92) * self.side, self.chance.uniform(0.68, 0.95) * self.side
            self.disc(x, y, 7, mix(self.palette.near, self.palette.light, 0.35))
            self.disc(x, y, 3, self.palette.light)

    def sea(self) -> None:
        """Water with the light's path on it, a sail, perhaps a lighthouse."""
        side, water = self.side, 0.6
        self.stars(130, 0.55)
        tower = self.chance.choice((0.15, 0.84) if self.tower else (0.15, 0.84, None))
        if tower is not None and self.palette.stars:
            self.beam(tower)
        shore = (0.22, 0.78) if tower is None else (0.5, 0.72) if tower < 0.5 else (0.28, 0.5)
        x, _ = self.light(self.chance.uniform(0.24, 0.46), self.chance.uniform(0.055, 0.09), shore)
        self.ridge(water - 0.005, 0.03, mix(self.palette.far, self.palette.sky[2], 0.4), rough=0.5)
        for band in range(26):
            top = (water + (1 - water) * band / 26) * side
            self.draw.rectangle(
                (0, top, side, side),
                fill=mix(mix(self.palette.far, self.palette.sky[2], 0.3), self.palette.near, band / 25),
            )
        for glint in range(26):
            y = (water + 0.012 + (0.36 * glint / 26)) * side
            half = self.chance.uniform(0.01, 0.03 + 0.004 * glint) * side
            dx = self.chance.uniform(-0.03, 0.03) * side
            self.draw.rounded_rectangle(
                (x + dx - half, y, x + dx + half, y + 5),
                2,
                fill=mix(self.palette.far, self.palette.light, 0.75 - 0.018 * glint),
            )
        if tower is not None:
            self.lighthouse(tower)
        self.sail(self.chance.uniform(0.35, 0.65) * side, (water + 0.07) * side)

    def beam(self, at: float) -> None:
        """Let the lighthouse shine away from the middle, where sun or moon stand."""
        side, x, colour = self.side, at * self.side, mix(self.palette.sky[1], self.palette.light, 0.3)
        for away in (-0.6, 0.6):
            end = x + away * side
            self.draw.polygon([(x, 0.40 * side), (end, 0.26 * side), (end, 0.36 * side)], fill=colour)

    def lighthouse(self, at: float) -> None:
        """Draw the tower on its rock."""
        side, x, dark = self.side, at * self.side, self.palette.near
        self.draw.polygon(
            [
                (x - 0.028 * side, 0.66 * side),
                (x - 0.017 * side, 0.42 * side),
                (x + 0.017 * side, 0.42 * side),
                (x + 0.028 * side, 0.66 * side),
            ],
            fill=mix(dark, (255, 255, 255), 0.82),
        )
        for stripe in range(3):
            y, half = (0.46 + stripe * 0.065) * side, (0.019 + stripe * 0.003) * side
            self.draw.rectangle((x - half, y, x + half, y + 0.028 * side), fill=(196, 64, 66))
        self.draw.rectangle((x - 0.022 * side, 0.375 * side, x + 0.022 * side, 0.425 * side), fill=dark)
        self.disc(x, 0.40 * side, 0.013 * side, self.palette.light)
        self.draw.polygon(
            [(x - 0.026 * side, 0.377 * side), (x, 0.35 * side), (x + 0.026 * side, 0.377 * side)], fill=(150, 48, 56)
        )
        self.draw.ellipse((x - 0.2 * side, 0.63 * side, x + 0.2 * side, 0.86 * side), fill=dark)

    def sail(self, x: float, y: float) -> None:
        """Draw a small sailing boat."""
        white = mix(self.palette.light, self.palette.sky[2], 0.25)
        self.draw.polygon([(x, y - 92), (x, y - 10), (x + 54, y - 10)], fill=white)
        self.draw.polygon([(x - 6, y - 76), (x - 6, y - 10), (x - 38, y - 10)], fill=mix(white, self.palette.far, 0.3))
        self.draw.polygon(
            [(x - 52, y - 4), (x + 62, y - 4), (x + 38, y + 18), (x - 36, y + 18)], fill=self.palette.near
        )

    def city(self) -> None:
        """Three rows of houses with lit windows."""
        self.stars(90, 0.4)
        self.light(self.chance.uniform(0.18, 0.34), self.chance.uniform(0.06, 0.1))
        for layer, (width, tall) in enumerate(((0.075, 0.34), (0.1, 0.30), (0.15, 0.26))):
            share = layer / 2
            colour = mix(mix(self.palette.far, self.palette.sky[2], 0.25), self.palette.near, share)
            self.houses(0.58 + 0.14 * layer, width, tall, colour, lit=0.16 + 0.16 * layer)
        self.draw.rectangle((0, 0.93 * self.side, self.side, self.side), fill=mix(self.palette.near, (0, 0, 0), 0.3))

    def houses(self, base: float, width: float, tall: float, colour: Colour, *, lit: float) -> None:
        """Draw one row of houses."""
        side, x = self.side, -0.03 * self.side
        window = mix(colour, (255, 206, 120), 0.85)
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
        """A planet, its moons, and the edge of another world."""
        self.stars(320, 1.0)
        side = self.side
        x, y, r = (
            self.chance.uniform(0.32, 0.68) * side,
            self.chance.uniform(0.36, 0.56) * side,
            self.chance.uniform(0.13, 0.19) * side,
        )
        tint = self.chance.choice(((214, 128, 96), (96, 160, 200), (186, 148, 214), (224, 186, 116), (110, 190, 160)))
        tilt = self.chance.uniform(-24, 24)
        self.globe(x, y, r, tint, ring=self.chance.random() < 0.7, tilt=tilt)
        for _ in range(self.chance.choice((1, 1, 2))):
            self.globe(
                self.chance.choice((0.14, 0.86)) * side,
                self.chance.uniform(0.12, 0.8) * side,
                self.chance.uniform(0.02, 0.05) * side,
                self.palette.light,
            )
        self.ridge(0.97, 0.05, self.palette.near, rough=0.5, jagged=True)
