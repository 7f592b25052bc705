"""Views of operations: the arguments are read, what the operation answers becomes JSON."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Response, jsonify, request

from web.api.output import jsonable
from web.openapi.operation import Operation, Parameter


def operation(
    name: str, answer: type, *parameters: Parameter, status: int = 200, body: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function that takes the arguments of the query string and those of the path, and returns an `answer`."""

    def decorate(ask: Callable[..., Any]) -> Callable[..., Response]:
        described = Operation(name, answer, parameters, ask, status=status, body=body)

        @wraps(ask)
        def view(**path: Any) -> Response:
            response = jsonify(jsonable(ask(described.read(request.args.lists()), **path)))
            response.status_code = status
            return response

        view.operation = described  # type: ignore[attr-defined]
        return view

    return decorate
