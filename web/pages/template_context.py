"""What every template is given: words, formats and addresses for the person who asks."""

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, g, request, url_for
from werkzeug.exceptions import HTTPException

from web.analytics.person_key import address_of
from web.auth.access import SAFE_METHODS, is_admin, safe_next
from web.auth.sessions import signed_in
from web.context import now, settings
from web.pages.assets import asset
from web.pages.attempt import attempt
from web.pages.formats import Formats
from web.pages.language import COOKIE, LANGUAGES, Catalogue, catalogue, choose_language
from web.pages.safe_text import brief, clean, hue, initial, segments

YEAR_S = 365 * 86400


@dataclass(frozen=True)
class Reader:
    """One person at one moment: their language and how things read in it."""

    words: Catalogue
    formats: Formats

    @property
    def language(self) -> str:
        """The code of their language."""
        return self.words.language

    @property
    def other_language(self) -> str:
        """The language that the switch leads to."""
        return next(language for language in LANGUAGES if language != self.language)


def reader() -> Reader:
    """The reader of this request, made at the first call: an error page may ask before any view ran."""
    if "reader" not in g:
        asked = request.args.get("lang") or request.cookies.get(COOKIE)
        words = catalogue(choose_language(asked, request.accept_languages))
        g.reader = Reader(words, Formats(words, settings().zone, now()))
    found = g.reader
    assert isinstance(found, Reader)
    return found


def is_partial() -> bool:
    """Whether htmx asks for the page alone, without the frame around it."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def here(**changes: str | None) -> str:
    """This page's address with some parameters changed; None takes one out. The order of the others stays.

    What answers a form has no address of its own, so the start page's is given.
    """
    is_page = request.method in SAFE_METHODS
    kept = {name: value for name, value in request.args.items() if name != "lang" and value} if is_page else {}
    for name, value in changes.items():
        name = name.rstrip("_")  # `from_` is `from`, which Python keeps for itself
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    path = quote(request.path) if is_page else url_for("pages.statistics")
    return f"{path}?{urlencode(kept)}" if kept else path


def retry_address() -> str | None:
    """Where to try again what failed: this page, or the one with the form that was sent. None for a form without a page."""
    if request.method in SAFE_METHODS:
        return here()
    sent: Mapping[str, str] = {}
    with suppress(HTTPException):  # it may be too large
        sent = request.form
    if request.endpoint == "auth.login_by_password":
        return url_for("auth.login", next=safe_next(sent.get("next")))
    if request.endpoint == "auth.login_by_link":
        return url_for("auth.login_link", token=sent.get("token", ""))
    return None


def _is_signed_in() -> bool:
    """Whether to show the frame. An error page must come up even when the logins themselves cannot be read."""
    try:
        return signed_in()
    except sqlite3.Error:
        return False


def init_blueprint(blueprint: Blueprint) -> None:
    """Give words, formats and addresses to all templates of the app, those of the sign-in pages too."""

    @blueprint.app_context_processor
    def given() -> dict[str, Any]:
        person = reader()
        return {
            "t": person.words.text,
            "has_text": person.words.has,
            "fmt": person.formats,
            "reader": person,
            "asset": asset,
            "here": here,
            "retry_address": retry_address,
            "attempt": attempt,
            "partial": is_partial(),
            "signed_in": _is_signed_in(),
            "is_admin": is_admin,
            "home": url_for("pages.statistics"),
        }

    blueprint.add_app_template_filter(clean, "clean")
    blueprint.add_app_template_filter(brief, "brief")
    blueprint.add_app_template_filter(address_of, "address")
    blueprint.add_app_template_filter(segments, "segments")
    blueprint.add_app_template_filter(initial, "initial")
    blueprint.add_app_template_filter(hue, "hue")

    @blueprint.after_app_request
    def remember_language(response: Response) -> Response:
        asked = request.args.get("lang")
        if asked in LANGUAGES:
            secure = settings().secure
            response.set_cookie(COOKIE, asked, max_age=YEAR_S, httponly=True, samesite="Lax", secure=secure)
        return response
