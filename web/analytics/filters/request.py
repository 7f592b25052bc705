"""The filter of a request: `filter=`, and the parameters that said single conditions before there was one."""

from collections.abc import Mapping

from web.analytics.filters.grammar import parse
from web.analytics.filters.tree import Condition, Tree, all_of
from web.analytics.names import is_event_name, is_language_code
from web.errors import ParameterError

SINGLE = ("paid", "blocked", "language", "event")


def read_filter(arguments: Mapping[str, str]) -> Tree | None:
    """All of them together; None where there is none. Raises ParameterError."""
    return all_of(parse(arguments.get("filter") or ""), *(_single(arguments, name) for name in SINGLE))


def _single(arguments: Mapping[str, str], name: str) -> Tree | None:
    value = arguments.get(name)
    if not value:
        return None
    if name in ("paid", "blocked"):
        if value not in ("0", "1"):
            raise ParameterError(name, "must be 0 or 1")
        value = "yes" if value == "1" else "no"
    if name == "language" and not is_language_code(value):
        raise ParameterError(name, "must be a language code such as en or pt-br")
    if name == "event" and not is_event_name(value):
        raise ParameterError(name, "must be the name of a custom event such as quiz_finished")
    return Condition(name, (value,))
