"""The picker: which condition, with which values. Each choice is a link to the page with that filter, each form leads there, too.

Without scripts it is a page; with them it opens in a dialog beside the page (web/assets/js/picker.js).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from web.analytics.bots import Bot
from web.analytics.filters.condition import people_condition
from web.analytics.filters.fields import ACTS, CHOICES, DEEDS, FLAGS, KINDS, NUMBERS
from web.analytics.filters.grammar import FilterError, parse
from web.analytics.filters.tree import Condition, Days, Not, Tree, quoted
from web.analytics.people_condition import PeopleCondition
from web.context import services
from web.errors import ParameterError
from web.pages.filter_bar import FilterBar
from web.pages.filter_words import NAMED
from web.pages.saved_menu import PAGES
from web.pages.template_context import page_bot, request_formats

GROUPS = (
    ("who", ("source", "language", "persona", "story", "telegram_premium", "blocked")),
    ("when", ("new", "active", "last_seen")),
    ("acts", ("did", "event", "command", "model", "first_event", "first_persona")),
    ("money", ("paid", "plan", "payments", "stars")),
    ("counts", tuple(name for name in NUMBERS if name not in ("payments", "stars"))),
)
PRESETS = (1, 7, 30, 90)
OPERATORS = {">=": "≥", "<=": "≤", ":": "=", ">": ">", "<": "<"}


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose or to leave. `stays` is the picker again, for who chooses several."""

    text: str
    people: int | None
    is_on: bool
    href: str
    stays: str = ""


@dataclass(frozen=True, slots=True)
class _Edited:
    """What is being changed: the condition at a place of the filter (a new one has none), and whether it is turned round."""

    bar: FilterBar
    field: str
    at: int | None
    condition: Condition | None
    is_excluding: bool

    def link(self, condition: Condition | None) -> str:
        """The page with this condition instead."""
        return self.bar.link(self.tree(condition))

    def tree(self, condition: Condition | None) -> Tree | None:
        part = Not(condition) if condition is not None and self.is_excluding else condition
        return self.bar.replaced(self.at, part)

    def again(self, condition: Condition | None) -> str:
        """The picker at the same place, after that."""
        place = len(self.bar.parts) if self.at is None else self.at
        return self.bar.picker(self.field, place, filter=str(self.tree(condition) or "") or None)


def filter_picker() -> str | Response | tuple[str, int]:
    """Render /analytics/filter, or go to the page when a form was sent."""
    page, field = request.args.get("page", "users"), request.args.get("pick", "")
    if page not in PAGES:
        raise ParameterError("page", f"must be one of {', '.join(PAGES)}")
    if field and field != "text" and field not in KINDS:
        raise ParameterError("pick", f"must be one of {', '.join(KINDS)}")
    bot = page_bot()
    edited = _edited(FilterBar(page, request.args, bot), field)
    fault = ""
    if request.args.get("set"):
        try:
            return redirect(edited.bar.link(_sent(edited)), 303)
        except FilterError as error:
            fault = error.detail
    text = request_formats().words.text
    answer = render_template(
        "filter_picker.html",
        bar=edited.bar,
        edited=edited,
        field=field,
        fault=fault,
        groups=_groups(edited, bot) if not field else (),
        options=_options(edited, bot),
        presets=_presets(edited) if KINDS.get(field) in ("days", "act") else (),
        properties=_properties(edited, bot),
        operators=OPERATORS,
        kind=KINDS.get(field, ""),
        turned=_turned(edited),
        title=text(f"filter.field.{field}") if field and field != "text" else text("filter.title"),
        status="",
    )
    return (answer, 400) if fault else answer


def _edited(bar: FilterBar, field: str) -> _Edited:
    place = request.args.get("at", "")
    at = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else None
    part = bar.parts[at] if at is not None and at < len(bar.parts) else None
    inner = part.part if isinstance(part, Not) else part
    condition = inner if isinstance(inner, Condition) and inner.name == field else None
    is_excluding = isinstance(part, Not) if condition else request.args.get("without") == "1"
    return _Edited(bar, field, at, condition, is_excluding)


def _groups(edited: _Edited, bot: Bot | None) -> list[tuple[str, list[Option]]]:
    """The fields that say anything of these people, with how many they do that of."""
    has, text = services.filter_values.fields(bot), request_formats().words.text
    groups = []
    for group, fields in GROUPS:
        links = [
            Option(text(f"filter.field.{name}"), None, False, edited.bar.picker(name))
            for name in fields
            if has.get(name, 1)
        ]
        if links:
            groups.append((group, links))
    return groups


def _options(edited: _Edited, bot: Bot | None) -> list[Option]:
    field, chosen = edited.field, edited.condition.values if edited.condition else ()
    if field in FLAGS:
        yes, no = services.filter_values.yes(field, _others(edited), bot)
        text = request_formats().words.text
        every = [("yes", yes), ("no", no)]
        plain = replace(edited, is_excluding=False)
        return [
            Option(text(f"filter.{value}.{field}"), people, (value,) == chosen, plain.link(Condition(field, (value,))))
            for value, people in every
        ]
    found: Iterable[tuple[str, int | None]]
    if field == "did":
        found = [(deed, None) for deed in DEEDS]
    elif field in CHOICES or field in ACTS:
        found = list(services.filter_values.of(field, _others(edited), bot))
        known = {value for value, _ in found}
        found = [*((value, None) for value in chosen if value not in known), *found]
    else:
        return []
    names = services.figures.names(NAMED[field], [value for value, _ in found], bot) if field in NAMED else {}
    edited.bar.words.learn({(field, value): name for value, name in names.items()})
    return [_toggle(edited, value, people) for value, people in found]


def _toggle(edited: _Edited, value: str, people: int | None) -> Option:
    before = edited.condition or Condition(edited.field)
    is_on = value in before.values
    values = tuple(each for each in before.values if each != value) if is_on else (*before.values, value)
    after = replace(before, values=values) if values else None
    text = edited.bar.words.value(edited.field, value)
    return Option(text, people, is_on, edited.link(after), edited.again(after))


def _presets(edited: _Edited) -> list[Option]:
    """Ranges of days: of a deed also none at all, which means ever."""
    field, condition = edited.field, edited.condition
    is_act = field in ACTS
    if is_act and condition is None:
        return []
    before = condition or Condition(field)
    text = request_formats().words.text
    choices: list[tuple[str, Days | None]] = [(text("filter.ever"), None)] if is_act else []
    choices += [(_short(count) if is_act else edited.bar.words.days(Days(count)), Days(count)) for count in PRESETS]
    return [
        Option(name, None, before.days == days, edited.link(after), edited.again(after) if is_act else "")
        for name, days in choices
        for after in (replace(before, days=days),)
    ]


def _short(days: int) -> str:
    text = request_formats().words.text
    return text("filter.today") if days == 1 else text("filter.short_days", n=days)


def _properties(edited: _Edited, bot: Bot | None) -> list[str] | None:
    if edited.field != "event" or edited.condition is None:
        return None
    return services.filter_values.properties(edited.condition.values, bot)


def _turned(edited: _Edited) -> list[Option]:
    """Those who have it, and those who have not."""
    text, options = request_formats().words.text, []
    for name, is_excluding in (("filter.is", False), ("filter.is_not", True)):
        one = replace(edited, is_excluding=is_excluding)
        href, stays = one.bar.picker(one.field, one.at, without="1" if is_excluding else None), ""
        if one.condition is not None:
            href, stays = one.link(one.condition), one.again(one.condition)
        options.append(Option(text(name), None, edited.is_excluding == is_excluding, href, stays))
    return options


def _others(edited: _Edited) -> PeopleCondition:
    """Whom the rest of the filter lets through; where any chip is enough, the rest says nothing."""
    tree = None if edited.bar.is_any else edited.bar.replaced(edited.at, None)
    return people_condition(tree, services.settings.zone, services.now())


def _sent(edited: _Edited) -> Tree | None:
    """The filter that a form makes. Raises FilterError."""
    form, field, before = request.args, edited.field, edited.condition
    if field == "text":
        return parse(form.get("text", ""))
    days = f"{form.get('first', '')}..{form.get('last', '')}"
    if KINDS[field] == "number":
        operator = form.get("operator", ">=")
        text = f"{field}{operator if operator in OPERATORS else '>='}{quoted(form.get('number', ''))}"
    elif KINDS[field] == "days":
        text = f"{field}:{days}"
    elif form.get("property"):
        text = f"{_timeless(before)} with {form['property']}{form.get('operator', ':')}{quoted(form.get('value', ''))}"
        text += f" in {before.days}" if before and before.days else ""
    else:
        text = f"{_timeless(before)} in {days}"
    return edited.tree(cast("Condition", parse(text)))


def _timeless(condition: Condition | None) -> str:
    return str(replace(condition, days=None)) if condition else ""
