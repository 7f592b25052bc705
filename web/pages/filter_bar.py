"""The filter of a page as chips: what each says, and where changing it and taking it off lead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for

from web.analytics.bots import Bot
from web.analytics.filters.request import SINGLE, read_filter
from web.analytics.filters.tree import And, Condition, Not, Or, Tree, all_of
from web.context import services
from web.pages.filter_words import NAMED, FilterWords
from web.pages.saved_menu import PAGES, SavedMenu
from web.pages.template_context import request_formats

# the picker's own parameters, and what a changed filter makes void
NOT_KEPT = frozenset({*SINGLE, "filter", "cursor", "lang", "page", "pick", "at", "without", "set"})
NOT_CARRIED = NOT_KEPT | {"text", "first", "last", "operator", "number", "property", "key", "value", "days"}


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition. `edit` opens what it can be changed to, `remove` is the page without it."""

    text: str
    is_excluding: bool
    edit: str
    remove: str


class FilterBar:
    """The filter of a page with these arguments, and the menu of its saved views. `page` is one of PAGES."""

    def __init__(self, page: str, arguments: Mapping[str, str], bot: Bot | None) -> None:
        self.page, self.tree = page, read_filter(arguments)
        self._kept = {name: value for name, value in arguments.items() if value and name not in NOT_CARRIED}
        self.is_any = isinstance(self.tree, Or)
        self.parts: tuple[Tree, ...] = ()
        if self.tree is not None:
            self.parts = self.tree.parts if isinstance(self.tree, (And, Or)) else (self.tree,)
        self.words = FilterWords(request_formats(), _names(self.tree, bot))

    @property
    def chips(self) -> list[Chip]:
        """A chip for each part."""
        return [
            Chip(self.words.tree(part), isinstance(part, Not), self._edit(at, part), self.link(self.replaced(at, None)))
            for at, part in enumerate(self.parts)
        ]

    @property
    def arguments(self) -> dict[str, str]:
        """All that is chosen on the page."""
        return {**self._kept, **({"filter": str(self.tree)} if self.tree is not None else {})}

    def views(self) -> SavedMenu:
        """The saved views."""
        return SavedMenu("view", self.page, self.arguments)

    @property
    def kept(self) -> Mapping[str, str]:
        """The page's other arguments."""
        return self._kept

    def link(self, tree: Tree | None) -> str:
        """The page with another filter."""
        values: dict[str, Any] = {**self._kept, "filter": str(tree or "") or None}
        return url_for(PAGES[self.page], **values)

    def people(self, tree: Tree | None) -> str:
        """The list of people of a filter."""
        values: dict[str, Any] = {"filter": str(tree or "") or None}
        return url_for("pages.users", **values)

    def other_join(self) -> str:
        """The page where any of the chips is enough, or where all are needed again."""
        return self.link(all_of(*self.parts) if self.is_any else Or(self.parts))

    def picker(self, field: str | None = None, at: int | None = None, **more: str | None) -> str:
        """Where a condition is chosen: of all fields or of one, a new one or that of a place."""
        values: dict[str, Any] = {**self._kept, "page": self.page, "filter": str(self.tree or "") or None}
        return url_for("pages.filter_picker", **{**values, "pick": field, "at": at, **more})

    def replaced(self, at: int | None, part: Tree | None) -> Tree | None:
        """The filter with another part at a place, without it, or with one more at the end."""
        parts = list(self.parts)
        if at is not None and at < len(parts):
            parts[at : at + 1] = [part] if part is not None else []
        elif part is not None:
            parts.append(part)
        if self.is_any and len(parts) > 1:
            return Or(tuple(dict.fromkeys(parts)))
        return all_of(*parts)

    def _edit(self, at: int, part: Tree) -> str:
        inner = part.part if isinstance(part, Not) else part
        return self.picker(inner.name if isinstance(inner, Condition) else "text", at)


def _names(tree: Tree | None, bot: Bot | None) -> dict[tuple[str, str], str]:
    """The names of the personas and stories that a filter names by their ids."""
    found: dict[tuple[str, str], str] = {}
    for field, kind in NAMED.items():
        ids = [value for each in _conditions(tree) if each.name == field for value in each.values if value]
        names = services.figures.names(kind, ids, bot) if ids else {}
        found |= {(field, each): name for each, name in names.items()}
    return found


def _conditions(tree: Tree | None) -> Iterator[Condition]:
    match tree:
        case Condition():
            yield tree
        case Not(part):
            yield from _conditions(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _conditions(part)
