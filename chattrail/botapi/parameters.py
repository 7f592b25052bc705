"""Parameters of calls where they are texts: ids in any framework, lists and objects as JSON in pyTelegramBotAPI."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_JSON = frozenset((
    "media", "entities", "caption_entities", "text_entities", "reaction", "message_ids", "prices", "result", "rich_message",
    "correct_option_ids", "reply_parameters",
))  # fmt: skip
NUMBERS = frozenset(("chat_id", "from_chat_id", "user_id", "message_id", "message_thread_id", "receiver_user_id"))
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
        elif name in NUMBERS:
            given[name] = number_in(value)
    return given


def number_in(value: object) -> Any:
    """Return the number that a text is, and anything else as it is: `"1001"` is a chat's id, `"@news"` a channel's name."""
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
