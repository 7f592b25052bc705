"""Colours and places of the offline painter, chosen by words of the prompt."""

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Light of one hour: sky from top to horizon, the far and the near ground, and what shines."""

    sky: tuple[Colour, Colour, Colour]
    far: Colour
    near: Colour
    light: Colour
    stars: bool


HOURS: dict[str, tuple[Palette, ...]] = {
    "night": (
        Palette(((9, 12, 38), (27, 36, 84), (78, 84, 140)), (44, 52, 100), (10, 14, 34), (250, 240, 205), True),
        Palette(((6, 22, 40), (14, 58, 84), (58, 124, 138)), (24, 74, 92), (5, 20, 32), (232, 250, 240), True),
        Palette(((20, 8, 44), (66, 24, 92), (158, 70, 128)), (78, 36, 98), (20, 10, 40), (255, 226, 196), True),
    ),
    "dusk": (
        Palette(((44, 30, 92), (190, 78, 110), (255, 178, 112)), (120, 62, 104), (40, 22, 58), (255, 236, 190), False),
        Palette(((30, 44, 104), (142, 88, 150), (250, 158, 138)), (94, 66, 124), (30, 24, 66), (255, 226, 208), False),
        Palette(((62, 28, 66), (214, 92, 74), (255, 202, 104)), (142, 66, 70), (48, 22, 44), (255, 244, 200), False),
    ),
    "dawn": (
        Palette(
            ((120, 158, 208), (224, 190, 200), (255, 226, 190)), (138, 142, 178), (58, 66, 104), (255, 250, 228), False
        ),
        Palette(
            ((98, 150, 180), (186, 208, 200), (252, 232, 196)), (112, 148, 156), (40, 72, 84), (255, 250, 224), False
        ),
    ),
    "day": (
        Palette(
            ((60, 134, 204), (132, 190, 226), (226, 240, 236)), (110, 158, 176), (32, 84, 92), (255, 252, 232), False
        ),
        Palette(
            ((84, 160, 196), (160, 212, 206), (248, 240, 204)), (118, 170, 152), (36, 92, 78), (255, 252, 226), False
        ),
    ),
}

# The first of these whose words the prompt holds decides; else chance does.
HOUR_WORDS = {
    "night": ("night", "star", "moon", "neon", "space", "nebula", "northern"),
    "dusk": ("sunset", "dusk", "evening", "golden", "fireflies"),
    "dawn": ("dawn", "morning", "mist", "fog", "snow", "winter", "sunrise"),
    "day": ("sunny", "day", "noon", "bright"),
}
PLACE_WORDS = {
    "space": ("space", "planet", "nebula", "orbit", "ship before"),
    "forest": ("forest", "trees", "grove", "clearing"),
    "sea": ("sea", "island", "lighthouse", "bay", "boat", "ocean"),
    "city": ("city", "street", "café", "roofs", "neon"),
    "desert": ("desert", "canyon", "dune"),
    "mountains": ("mountain", "pass", "valley", "snowy"),
}


def by_words(table: dict[str, tuple[str, ...]], prompt: str) -> str | None:
    """Find the entry whose word stands first in the prompt: what is said first matters most."""
    places = {
        name: min((at for word in words if (at := prompt.find(word)) >= 0), default=-1) for name, words in table.items()
    }
    found = {name: at for name, at in places.items() if at >= 0}
    return min(found, key=lambda name: found[name]) if found else None
