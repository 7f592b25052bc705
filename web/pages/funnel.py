"""The Funnel page: the owner's own steps in order; each can be moved, taken out, or given a property by a link or a small form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import render_template, request

from web.analytics.filters.condition import people_condition
from web.analytics.funnel import (
    FUNNEL_RANGE,
    FUNNEL_SPLITS,
    WITHIN,
    FunnelQuery,
    OrderedFunnel,
    OrderedStep,
    Step,
    read_funnel_steps,
)
from web.analytics.queries import STEPS_MAX
from web.analytics.ranges import read_range
from web.context import services
from web.pages.filter_bar import FilterBar
from web.pages.range_picker import RangePicker
from web.pages.saved_menu import SavedMenu
from web.pages.split_values import split_value
from web.pages.template_context import here, page_bot, request_formats


@dataclass(frozen=True, slots=True)
class Row:
    """A step as the page shows it: `share` of the first step's people, `kept` of those of the step before.

    `up`, `down` and `remove` are the page with the step elsewhere, or without it.
    """

    step: Step
    name: str
    counted: OrderedStep
    share: float | None
    kept: float | None
    up: str | None
    down: str | None
    remove: str | None


def funnel() -> str:
    """Render /analytics/funnel."""
    formats, zone, bot = request_formats(), services.settings.zone, page_bot()
    selected = read_range(request.args, zone, services.now(), FUNNEL_RANGE)
    query = _changed(FunnelQuery.read(request.args))
    bar = FilterBar("funnel", {**request.args.to_dict(), "steps": _text(query.steps)}, bot)
    who = people_condition(bar.tree, zone, services.now())
    offered = services.funnels.offered(selected, bot)
    counted = services.funnels.funnel(selected, query, services.now(), bot, who)
    steps = read_funnel_steps(",".join(each.step for each in counted.steps))
    rows = _rows(counted, steps)
    return render_template(
        "funnel.html",
        stats=counted,
        rows=rows,
        offered=[(_name(each.step), each.count, _with(*steps, each.step)) for each in offered],
        can_add=len(steps) < STEPS_MAX,
        steps=_text(steps),
        properties=_properties(steps),
        is_own=bool(query.steps),
        within=query.within,
        withins=tuple(WITHIN),
        splits=FUNNEL_SPLITS,
        value_name=lambda each: split_value(counted.split, each.value),
        filter_bar=bar,
        funnels=_saved(bar, query, steps),
        range_picker=RangePicker(selected.name, FUNNEL_RANGE, counted.range.start, counted.range.end),
        title=formats.words.text("funnel.title"),
        status=_status(counted),
    )


def _changed(query: FunnelQuery) -> FunnelQuery:
    """The query with what the form of a step said: `at` is its place, `key` and `value` a property."""
    at, key, value = (request.args.get(name, "") for name in ("at", "key", "value"))
    if not (at.isascii() and at.isdigit() and int(at[:3]) < len(query.steps)):
        return query
    place = int(at[:3])
    steps = list(query.steps)
    step = Step.read(str(replace(steps[place], key=key.strip(), value=value.strip())))
    if step is not None:
        steps[place] = step
    return replace(query, steps=tuple(steps))


def _saved(bar: FilterBar, query: FunnelQuery, steps: tuple[Step, ...]) -> SavedMenu:
    """The menu of funnels. The usual steps are saved as what they are now."""
    counted = {"steps": _text(steps), "within": query.within, "split": query.split if query.split != "none" else ""}
    return SavedMenu("funnel", "funnel", {**bar.arguments, **counted})


def _rows(counted: OrderedFunnel, steps: tuple[Step, ...]) -> list[Row]:
    rows = []
    first = counted.steps[0].people if counted.steps else 0
    for place, (step, each) in enumerate(zip(steps, counted.steps, strict=True)):
        before = counted.steps[place - 1].people if place else 0
        others = [*steps[:place], *steps[place + 1 :]]
        rows.append(
            Row(
                step,
                _name(step),
                each,
                each.people / first if first else None,
                each.people / before if before else None,
                _with(*others[: place - 1], step, *others[place - 1 :]) if place else None,
                _with(*others[: place + 1], step, *others[place + 1 :]) if place < len(others) else None,
                _with(*others) if others else None,
            )
        )
    return rows


def _with(*steps: Step) -> str:
    """This page with other steps."""
    return here(steps=_text(steps), at=None, key=None, value=None)


def _text(steps: tuple[Step, ...]) -> str:
    return ",".join(map(str, steps))


def _name(step: Step) -> str:
    if not step.name:
        return request_formats().words.text(f"funnel.step_{step.kind}")
    with_property = f" · {step.key} = {step.value}" if step.key else ""
    return f"/{step.name}" if step.kind == "command" else step.name + with_property


def _properties(steps: tuple[Step, ...]) -> Mapping[str, list[str]]:
    """The properties that the custom events among the steps had lately."""
    names = sorted({step.name for step in steps if step.kind == "event"})
    return {name: services.filter_values.properties([name], None) for name in names}


def _status(counted: OrderedFunnel) -> str:
    """What came of it, in a sentence."""
    formats = request_formats()
    if not counted.steps or not counted.steps[0].people:
        return formats.words.text("funnel.nobody")
    first, last = counted.steps[0].people, counted.steps[-1].people
    return formats.words.text(
        "funnel.summary", share=formats.percent(last / first), first=formats.number(first), last=formats.number(last)
    )
