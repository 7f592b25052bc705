"""Menus of what owners save of a page: views (pages with all that is chosen) and funnels (steps, and how they are counted)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import url_for

from web.analytics.saved import Saved, SavedKind
from web.context import services

PAGES = {
    "users": "pages.users",
    "statistics": "pages.statistics",
    "retention": "pages.retention",
    "funnel": "pages.funnel",
    "sources": "pages.sources",
    "search": "pages.search",
}
OF_FUNNEL = ("steps", "within", "split")


@dataclass(frozen=True, slots=True)
class SavedLink:
    """Something saved, as the menu has it."""

    id: str
    name: str
    page: str
    href: str
    is_current: bool


class SavedMenu:
    """The menu of a kind on a page that these arguments describe: those that make a difference, and no others."""

    def __init__(self, kind: SavedKind, page: str, arguments: Mapping[str, str]) -> None:
        self.kind, self.page, self.query = kind, page, urlencode(arguments)
        self.is_on = services.saved.is_on
        chosen = saved_part(kind, arguments)
        self.links = [
            SavedLink(
                each.id,
                each.name,
                place[0],
                address(place[0], {**_rest(kind, arguments), **place[1]}),
                place == (page, chosen),
            )
            for each in services.saved.of(kind)
            if (place := saved_place(each)) is not None
        ]
        self.current = next((each for each in self.links if each.is_current), None)


def saved_part(kind: SavedKind, arguments: Mapping[str, str]) -> dict[str, str]:
    """What of a page's arguments is saved: of a funnel the steps and how they are counted, of a view everything."""
    return {name: value for name, value in arguments.items() if value and (kind != "funnel" or name in OF_FUNNEL)}


def saved_place(saved: Saved) -> tuple[str, dict[str, str]] | None:
    """The page and the arguments of a view or a funnel; None of one that is none, as the API may have saved it."""
    value: Any = saved.value if isinstance(saved.value, dict) else {}
    page, query = value.get("page"), value.get("query")
    if not isinstance(page, str) or not isinstance(query, str) or page not in PAGES:
        return None
    if saved.kind == "funnel" and page != "funnel":
        return None
    return page, saved_part(saved.kind, dict(parse_qsl(query)))


def address(page: str, arguments: Mapping[str, str]) -> str:
    """The address of a page with these arguments and no others."""
    path = url_for(PAGES[page], bot=None)
    return f"{path}?{urlencode(arguments)}" if arguments else path


def _rest(kind: SavedKind, arguments: Mapping[str, str]) -> dict[str, str]:
    """A funnel is opened for the range, the people and the bot of the page; a view brings its own."""
    return {name: value for name, value in arguments.items() if kind == "funnel" and name not in OF_FUNNEL}
