"""Access control: a view needs a login unless it is marked `public`, or `bearer_only`, which needs an API token.

Under /api a login allows to read, and a token allows everything.
"""

from collections.abc import Callable
from enum import Enum
from typing import ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from web.auth.sessions import signed_in
from web.auth.tokens import bearer_token_given, bearer_token_valid
from web.errors import ProblemError

P = ParamSpec("P")
R = TypeVar("R")
REFUSED = "chattrail.refused"  # in the WSGI environment: the dispatcher has no thread for this request
BUSY = "The dashboard is busy with other requests. Try again in a few seconds."
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
START_PAGE = "/analytics"
NO_REDIRECT = set("\\\r\n\t")


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that answers without a login."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def bearer_only(view: Callable[P, R]) -> Callable[P, R]:
    """Mark an API view that needs a bearer token; a login in a browser does not open it."""
    view.access = "bearer"  # type: ignore[attr-defined]
    return view


def is_admin() -> bool:
    """Whether to show what is meant for the operator, such as why an image is missing.

    Everybody who is signed in is one: there is one password, and the bot gives one-time links to its owners only.
    """
    return signed_in()


def reads_trails(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that shows what people and bots wrote to each other."""
    view.reads_trails = True  # type: ignore[attr-defined]
    return view


def may_read_trails() -> bool:
    """Whether whoever asks may see that: today all who may read anything here. Where there are roles, this decides by them."""
    return signed_in() or (request.path.startswith("/api/") and bearer_token_given() and bearer_token_valid())


class RequestCost(Enum):
    """What a request may cost."""

    LOW = "low"  # what is open to everybody: static files, the health check, the login form, errors
    SIGN_IN = "sign-in"  # a password to check, a link to make or to spend
    QUERIES = "queries"


def request_cost(app: Flask, path: str, method: str) -> RequestCost:
    """What a request to a path may cost."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path, method)
    except HTTPException:
        return RequestCost.LOW
    access = getattr(app.view_functions[endpoint], "access", "login")
    if endpoint == "static" or (access == "public" and method in SAFE_METHODS):
        return RequestCost.LOW
    return RequestCost.QUERIES if access == "login" else RequestCost.SIGN_IN


def safe_next(target: str | None) -> str:
    """The page to go to after a login: a path of this site, or the start page when it is anything else."""
    if not target or not target.startswith("/") or target.startswith("//") or NO_REDIRECT & set(target):
        return START_PAGE
    try:
        parts = urlsplit(target)
    except ValueError:
        return START_PAGE
    if parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout", "/api/")):
        return START_PAGE
    return target


def check() -> WerkzeugResponse | Response | None:
    """Refuse a request for which there is no thread, or that lacks the access which its view needs."""
    if REFUSED in request.environ:  # before anything is looked up for it
        raise ProblemError(503, BUSY, kind="busy", headers={"Retry-After": "5"})
    if request.endpoint is None or request.endpoint == "static":
        return None  # not found or wrong method: the error handler answers, and tells nothing
    view = current_app.view_functions[request.endpoint]
    access = getattr(view, "access", "login")
    if access == "public":
        return None
    if request.path.startswith("/api/"):
        _check_api(access)
    elif not signed_in():
        return _to_login()
    if getattr(view, "reads_trails", False) and not may_read_trails():
        raise ProblemError(403, "This account may not read what people wrote.")
    return None


def _check_api(access: str) -> None:
    if bearer_token_given():
        if bearer_token_valid():
            return
        raise ProblemError(401, "The API token is not known here.", headers=_challenge("invalid_token"))
    if access == "bearer":
        raise ProblemError(401, "This needs an API token: Authorization: Bearer <token>.", headers=_challenge())
    if not signed_in():
        raise ProblemError(401, "Sign in, or send an API token: Authorization: Bearer <token>.", headers=_challenge())
    if request.method not in SAFE_METHODS:
        raise ProblemError(403, "A login may only read here; to change something send an API token.")


def _challenge(error: str | None = None) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="chattrail"' + (f', error="{error}"' if error else "")}


def _to_login() -> WerkzeugResponse | Response:
    """Send a person to the login page; htmx, which would put that page into a corner of this one, gets a header."""
    login = url_for("auth.login")
    if request.headers.get("HX-Request") == "true":
        try:
            here = urlsplit(request.headers.get("HX-Current-URL", ""))
        except ValueError:
            raise ProblemError(400, "The header HX-Current-URL is no address.", kind="bad-header") from None
        target = here.path + (f"?{here.query}" if here.query else "")
        return Response(status=401, headers={"HX-Redirect": f"{login}?{urlencode({'next': safe_next(target)})}"})
    if request.method not in SAFE_METHODS:
        return redirect(login, 303)
    path = quote(request.path)
    target = f"{path}?{request.query_string.decode('latin-1')}" if request.query_string else path
    return redirect(f"{login}?{urlencode({'next': safe_next(target)})}", 303)
