"""The errors of the dashboard. A ProblemError is answered as RFC 9457 describes, by web/problem.py."""

from collections.abc import Mapping
from http import HTTPStatus


class ProblemError(Exception):
    """A response that is an error. `detail` is a sentence for people, `kind` the last part of the problem's type."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        parameter: str | None = None,
        position: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = HTTPStatus(status).phrase
        self.kind = kind or self.title.lower().replace(" ", "-").replace("'", "")
        self.parameter = parameter
        self.position = position
        self.headers = dict(headers or {})


class ParameterError(ProblemError, ValueError):
    """A request parameter has a value that cannot be used. `position` is the character at fault, counted from 1."""

    def __init__(self, name: str, reason: str, position: int | None = None) -> None:
        detail = f"Parameter {name}: {reason}."
        super().__init__(400, detail, kind="bad-parameter", parameter=name, position=position)


class ClickHouseUnavailableError(ProblemError):
    """ClickHouse cannot answer at the moment; the text names what is at fault and what to do."""

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(503, reason, kind="store-unavailable", headers={"Retry-After": str(retry_after)})
