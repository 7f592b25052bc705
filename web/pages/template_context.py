"""Values that every template has: words and formats in the language of the request, and addresses."""

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, g, request, url_for
from werkzeug.exceptions import HTTPException

from web.analytics.bots import Bot, chosen
from web.analytics.person_key import address_of
from web.auth.access import SAFE_METHODS, is_admin, safe_next
from web.auth.sessions import signed_in
from web.context import services
from web.pages.assets import asset
from web.pages.event_fallback import render_or_fallback
from web.pages.formats import Formats
from web.pages.language import COOKIE, LANGUAGES, catalogue, choose_language
from web.pages.rich_text import rich
from web.pages.safe_text import brief, clean, hue, initial

YEAR_S = 365 * 86400
PAGES = frozenset(
    {
        "pages.statistics",
        "pages.users",
        "pages.retention",
        "pages.funnel",
        "pages.sources",
        "pages.search",
        "pages.live",
        "pages.trail",
        "pages.event",
        "pages.printable",
        "pages.reference",
        "pages.filter_picker",
    }
)


def request_formats() -> Formats:
    """The formats and words of this request, made at the first call: an error page may need them before any view ran."""
    if "formats" not in g:
        language = request.args.get("lang") or request.cookies.get(COOKIE)
        words = catalogue(choose_language(language, request.accept_languages))
        g.formats = Formats(words, services.settings.zone, services.now())
    return cast("Formats", g.formats)


def page_bot(person: bytes | None = None) -> Bot | None:
    """The bot that the page is about, None for all. Raises ParameterError for one that there is not.

    The switch offers all bots, on the page of a person theirs.
    """
    every = services.bots.all()
    g.bot, g.has_several_bots = chosen(request.args, every), len(every) > 1
    theirs = services.people.bots(person) if person is not None and g.has_several_bots else None
    g.bots = every if theirs is None else [each for each in every if not theirs.isdisjoint(each.stored)]
    return cast("Bot | None", g.bot)


def here(**changes: str | None) -> str:
    """This page's address with some parameters changed; None takes one out. The order of the others stays.

    The response to a form has no address of its own, so it is the start page's.
    """
    is_page = request.method in SAFE_METHODS
    kept: dict[str, str | None] = {**request.args.to_dict(), "lang": None} if is_page else {}
    for name, value in changes.items():
        kept[name.rstrip("_")] = value  # `from_` is `from`, a keyword of Python
    path = quote(request.path) if is_page else url_for("pages.statistics")
    given = {name: value for name, value in kept.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


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
    """Whether to show the layout. An error page must be shown even when the logins cannot be read."""
    try:
        return signed_in()
    except sqlite3.Error:
        return False


def init_blueprint(blueprint: Blueprint) -> None:
    """Give these values to all templates of the app, those of the sign-in pages too."""

    @blueprint.app_context_processor
    def values() -> dict[str, Any]:
        formats = request_formats()
        language = formats.words.language
        return {
            "t": formats.words.text,
            "has_text": formats.words.has,
            "fmt": formats,
            "language": language,
            "other_language": next(other for other in LANGUAGES if other != language),
            "asset": asset,
            "here": here,
            "retry_address": retry_address,
            "render_or_fallback": render_or_fallback,
            "rich": lambda text, entities: rich(text, entities, formats.words),
            # htmx requests `#page` alone, without the layout around it
            "partial": request.headers.get("HX-Request") == "true"
            and "HX-History-Restore-Request" not in request.headers,
            "signed_in": _is_signed_in(),
            "is_admin": is_admin,
            "home": url_for("pages.statistics"),
            "bots": g.get("bots", ()),
            "has_several_bots": g.get("has_several_bots", False),
            "bot": g.get("bot"),
        }

    @blueprint.app_url_defaults
    def keep_bot(endpoint: str, values: dict[str, Any]) -> None:
        """Links between pages stay with the chosen bot."""
        if endpoint in PAGES and g.get("bot"):
            values.setdefault("bot", g.bot.bot)

    blueprint.add_app_template_filter(address_of, "address")
    for template_filter in (clean, brief, initial, hue):
        blueprint.add_app_template_filter(template_filter)

    @blueprint.after_app_request
    def remember_language(response: Response) -> Response:
        language = request.args.get("lang")
        if language in LANGUAGES:
            secure = services.settings.secure
            response.set_cookie(COOKIE, language, max_age=YEAR_S, httponly=True, samesite="Lax", secure=secure)
        return response
