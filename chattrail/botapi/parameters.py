"""Parameters of calls as the other frameworks have them: with lists and objects as JSON, and ids as texts."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_JSON = frozenset((
    "media", "entities", "caption_entities", "text_entities", "reaction", "message_ids", "prices", "result", "rich_message",
    "correct_option_ids",
))  # fmt: skip
_NUMBERS = frozenset(("chat_id", "from_chat_id", "user_id", "message_id", "message_thread_id", "receiver_user_id"))
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def parameters(sent: object) -> dict[str, Any]:
    """Return a copy of a call's parameters, with what is JSON or a number read."""
    given = dict(sent) if isinstance(sent, Mapping) else {}
    for name, value in given.items():
        if not isinstance(value, str):
            continue
        if name in _JSON:
            with suppress(ValueError):
                given[name] = json.loads(value)
        elif name in _NUMBERS and _NUMBER.fullmatch(value):
            given[name] = int(value)
    return given
