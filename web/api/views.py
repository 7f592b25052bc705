"""Views of operations: the arguments are read, what the operation answers becomes JSON."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from itertools import chain
from typing import Any

from flask import Response, jsonify, request

from web.api.output import jsonable
from web.openapi.operation import Operation, Parameter


def operation(
    name: str,
    answer: type,
    *parameters: Parameter,
    status: int = 200,
    body: Mapping[str, Any] | None = None,
    conflict: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function that takes the arguments of the query string and those of the path, and returns an `answer`."""

    def decorate(ask: Callable[..., Any]) -> Callable[..., Response]:
        described = Operation(name, answer, parameters, ask, status=status, body=body, conflict=conflict)

        @wraps(ask)
        def view(**path: Any) -> Response:
            response = jsonify(jsonable(ask(described.read(request.args.lists()), **path)))
            response.status_code = status
            return response

        view.operation = described  # type: ignore[attr-defined]
        return view

    return decorate


def stream(
    name: str, answer: type, *parameters: Parameter, media_type: str, filename: str
) -> Callable[[Callable[..., Iterator[bytes]]], Callable[..., Response]]:
    """The same for a function that returns a file in pieces, each made when the client has taken those before.

    What goes wrong before the first piece has its own answer; what goes wrong later ends the connection.
    """

    def decorate(ask: Callable[..., Iterator[bytes]]) -> Callable[..., Response]:
        described = Operation(name, answer, parameters, ask, media_type=media_type)

        @wraps(ask)
        def view(**path: Any) -> Response:
            pieces = ask(described.read(request.args.lists()), **path)
            response = Response(chain((next(pieces, b""),), pieces), mimetype=media_type)
            response.headers["Content-Disposition"] = f"attachment; filename={filename}"
            return response

        view.operation = described  # type: ignore[attr-defined]
        return view

    return decorate
