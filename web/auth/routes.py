"""Signing in and out: /login, /login/link, /logout.

Templates (in web/templates): `login.html` gets `next`, `password_enabled`, `fault` (None, "wrong" or "limited") and
`retry_after_s`; `login_link.html` gets `token` (None when the link was used or is too old).
"""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from web.auth.access import START_PAGE, public, safe_next
from web.auth.attempts import begin_attempt, forgive_attempts
from web.auth.links import link_open, spend_link
from web.auth.passwords import is_password
from web.auth.sessions import sign_in, sign_out, signed_in
from web.context import services

blueprint = Blueprint("auth", __name__)


@blueprint.get("/login")
@public
def login() -> WerkzeugResponse | str:
    """The login form, or a redirect for a browser that is signed in already."""
    target = safe_next(request.args.get("next"))
    if signed_in():
        return redirect(target, 303)
    return _form(target)


@blueprint.post("/login")
@public
def login_by_password() -> WerkzeugResponse:
    """Check the password; 401 with the form again when it is wrong, 429 after too many attempts."""
    target, address = safe_next(request.form.get("next")), request.remote_addr or ""
    if services.settings.password_hash is None:
        return make_response(_form(target), 401)
    wait = begin_attempt(services.auth_database, address)
    if wait:
        return make_response(_form(target, "limited", wait), 429, {"Retry-After": str(wait)})
    if not is_password(services.settings, request.form.get("password", "")):
        return make_response(_form(target, "wrong"), 401)
    forgive_attempts(services.auth_database, address)
    sign_in()
    return redirect(target, 303)


@blueprint.get("/login/link")
@public
def login_link() -> Response:
    """Ask for a click before the link is spent, so that a messenger's preview does not spend it."""
    token = request.args.get("token", "")
    usable = link_open(services.auth_database, token)
    page = render_template("login_link.html", token=token if usable else None)
    return make_response(page, 200 if usable else 410)


@blueprint.post("/login/link")
@public
def login_by_link() -> WerkzeugResponse:
    """Spend the link and sign its holder in."""
    if not spend_link(services.auth_database, request.form.get("token", "")):
        return make_response(render_template("login_link.html", token=None), 410)
    sign_in()
    return redirect(START_PAGE, 303)


@blueprint.post("/logout")
@public
def logout() -> WerkzeugResponse:
    """End the login."""
    sign_out()
    return redirect(url_for("auth.login"), 303)


def _form(target: str, fault: str | None = None, retry_after_s: int = 0) -> str:
    enabled = services.settings.password_hash is not None
    return render_template(
        "login.html", next=target, password_enabled=enabled, fault=fault, retry_after_s=retry_after_s
    )
