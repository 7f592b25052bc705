"""The response to a request for which no thread was free: 503, with the time after which to try again."""

from flask import Flask, request

from web.errors import ProblemError

REFUSED = "chattrail.refused"  # set by the dispatcher in the WSGI environment
RETRY_AFTER_S = 5


def init_app(app: Flask) -> None:
    """Answer refused requests before anything is looked up for them."""
    app.before_request(_check)


def _check() -> None:
    if REFUSED in request.environ:
        raise ProblemError(
            503,
            "The dashboard is busy with other requests. Try again in a few seconds.",
            kind="busy",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
