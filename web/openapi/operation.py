"""An operation of the JSON API: what may be asked, what answers, and the type of the answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask
from werkzeug.routing import Rule

from web.analytics.person_key import PersonConverter
from web.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the address. `schema` is JSON Schema of its text; `description` says in Markdown what it does."""

    name: str
    schema: Mapping[str, Any]
    description: str
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route does. `ask(arguments, **path)` answers with an `answer`, a dataclass, or raises ProblemError.

    `media_type` is another than JSON for a stream of records of the type `answer`. `body` is JSON Schema of what may be sent,
    `conflict` says when the answer is 409.
    """

    name: str
    answer: type
    parameters: tuple[Parameter, ...]
    ask: Callable[..., Any]
    media_type: str = "application/json"
    status: int = 200
    body: Mapping[str, Any] | None = None
    conflict: str = ""

    @property
    def summary(self) -> str:
        """One sentence that says what it does."""
        return (self.ask.__doc__ or "").partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """All that is to be said about it."""
        return " ".join((self.ask.__doc__ or "").split())

    def read(self, values: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
        """The arguments from a query string: a mistyped name would otherwise silently change what is answered.

        Raises ParameterError for one that is unknown or given twice.
        """
        known, arguments = [parameter.name for parameter in self.parameters], {}
        for name, given in values:
            if name not in known:
                reason = f"is not known here; known are {', '.join(known) or 'none'}"
                raise ParameterError(ascii(name)[1:-1][:50], reason)
            if len(given) > 1:
                raise ParameterError(name, "is given more than once")
            arguments[name] = given[0]
        return arguments


def operations(app: Flask) -> Iterator[tuple[Rule, Operation]]:
    """The routes of an app that are operations, in the order in which they were added."""
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            yield rule, operation


def described_app(*blueprints: Blueprint) -> Flask:
    """An app with the routes alone, for those who only want to know what there is."""
    app = Flask("web")
    app.url_map.converters["person"] = PersonConverter
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app
