"""The answer to a request that found no thread free: 503, with the time after which to come again."""

from flask import Flask, request

from web.problem import Problem

REFUSED = "chattrail.refused"  # set in the WSGI environment by who refused the request
RETRY_AFTER_S = 5


def init_app(app: Flask) -> None:
    """Answer refused requests before anything is looked up for them."""
    app.before_request(_check)


def _check() -> None:
    if REFUSED in request.environ:
        raise Problem(
            503,
            "The dashboard is busy with other requests. Try again in a few seconds.",
            kind="busy",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
