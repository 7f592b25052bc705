"""Parameters of calls as pyTelegramBotAPI sends them: lists and objects are JSON already."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_JSON = frozenset((
    "media", "entities", "caption_entities", "text_entities", "reaction", "message_ids", "prices", "result", "rich_message",
    "correct_option_ids",
))  # fmt: skip


def parameters(sent: object) -> dict[str, Any]:
    """Return a copy of a call's parameters, with what is JSON read."""
    given = dict(sent) if isinstance(sent, Mapping) else {}
    for name in _JSON & given.keys():
        if isinstance(given[name], str):
            with suppress(ValueError):
                given[name] = json.loads(given[name])
    return given
