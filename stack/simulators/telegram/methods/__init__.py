"""The methods of the Bot API, one module a subject. `METHODS` finds one by its name, without regard to case."""

from collections.abc import Awaitable, Callable
from typing import Any

from stack.simulators.telegram.methods import edits, media, messages, payments, profile, updates
from stack.simulators.telegram.wire import Params
from stack.simulators.telegram.world import World

Method = Callable[[World, Params], Awaitable[Any]]

METHODS: dict[str, Method] = {
    name.lower(): method
    for module in (updates, messages, media, edits, payments, profile)
    for name, method in module.METHODS.items()
}
