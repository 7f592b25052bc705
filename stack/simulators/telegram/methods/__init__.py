"""The methods of the Bot API, one module a subject, named as its documentation names them."""

from stack.simulators.telegram.methods import edits, media, messages, payments, profile, updates
from stack.simulators.telegram.state import METHODS

__all__ = ["METHODS", "edits", "media", "messages", "payments", "profile", "updates"]
