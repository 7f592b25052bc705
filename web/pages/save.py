"""The forms that save: each is sent to one route, which leads back to the page that it was on."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from web.analytics.alerts import AlertRule
from web.analytics.saved import Saved, SavedKind, ToSave, read_kind
from web.context import services
from web.errors import ParameterError
from web.pages.annotations import annotation_value
from web.pages.saved_menu import PAGES, address, saved_part, saved_place
from web.pages.users import read_columns

SAVED_HERE = ("view", "funnel", "annotation", "columns", "alert")
ALERTS = "alerts"  # its forms stand on a page that has no views


def save() -> Response:
    """Save, rename or delete what a form names, and go back. Raises ParameterError and what `SavedItems.put` raises."""
    form = request.form
    kind, page = read_kind(form), form.get("page", "")
    if kind not in SAVED_HERE:
        raise ParameterError("kind", f"must be one of {', '.join(SAVED_HERE)}")
    if page not in (*PAGES, ALERTS):
        raise ParameterError("page", f"must be one of {', '.join((*PAGES, ALERTS))}")
    arguments = dict(parse_qsl(form.get("query", "")))
    if kind == "columns":
        item = {"id": "users", "name": "Users", "value": read_columns(form.getlist("column"))}
    else:
        item = _item(kind, page, arguments, form)
    services.saved.put(ToSave.read({"kind": kind, **item}))
    return redirect(url_for("pages.alerts") if page == ALERTS else address(page, arguments), 303)


def _item(kind: SavedKind, page: str, arguments: Mapping[str, str], form: Mapping[str, str]) -> dict[str, Any]:
    key, name = form.get("id", ""), form.get("name", "")
    if form.get("delete"):
        return {"id": key, "is_deleted": True}
    if kind == "annotation":
        return {"id": key, "name": name, "value": annotation_value(form)}
    if kind == "alert":
        return {"id": key, "name": name, "value": asdict(AlertRule.read(form))}
    if key:
        return {"id": key, "name": name, "value": _known(kind, key).value}
    value = {"page": page, "query": urlencode(saved_part(kind, arguments))}
    return {"id": _namesake(kind, name, page), "name": name, "value": value}


def _known(kind: SavedKind, key: str) -> Saved:
    for each in services.saved.of(kind):
        if each.id == key:
            return each
    raise ParameterError("id", "is not known here any more")


def _namesake(kind: SavedKind, name: str, page: str) -> str:
    """The id of what has this name on this page already: to save it again is to change it."""
    words = " ".join(name.split())
    for each in services.saved.of(kind):
        place = saved_place(each)
        if each.name == words and place is not None and place[0] == page:
            return each.id
    return ""
