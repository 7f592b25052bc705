"""The methods of the Bot API, one module a subject, named as its documentation names them."""

from stack.simulators.telegram.methods import (
    business,
    contents,
    copies,
    drafts,
    edits,
    ephemeral,
    inline,
    media,
    membership,
    messages,
    payments,
    polls,
    profile,
    reactions,
    updates,
)
from stack.simulators.telegram.state import METHODS

__all__ = [
    "METHODS", "business", "contents", "copies", "drafts", "edits", "ephemeral", "inline", "media", "membership", "messages",
    "payments", "polls", "profile", "reactions", "updates",
]  # fmt: skip
