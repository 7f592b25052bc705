"""Reactions as one text."""

from typing import Any

from chattrail.botapi.reading import get, items, word


def emoji_of(reactions: Any) -> str:
    """Return emoji, `custom:<id>` and `paid`, separated by spaces; nothing when they were taken back."""
    return " ".join(filter(None, map(_one, items(reactions))))


def _one(reaction: Any) -> str | None:
    custom = get(reaction, "custom_emoji_id")
    return f"custom:{custom}" if custom else word(get(reaction, "emoji")) or word(get(reaction, "type"))
