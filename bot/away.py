"""How long somebody was away, in words."""

from bot.content.texts import Say


def duration(seconds: float, say: Say) -> str:
    """Say it in the largest unit that fits: minutes, hours or days."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return say.plain(f"away.{unit}", n=int(seconds // size))
    return say.plain("away.minutes", n=1)
