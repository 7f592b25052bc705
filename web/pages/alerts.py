"""The Alerts page: the rules that owners made, how each stands, and the forms that make, change and delete them."""

from flask import render_template, request

from web.analytics.alerts import COMPARISONS, FIGURES, WINDOWS, AlertState
from web.context import services
from web.pages.saved_menu import address
from web.pages.template_context import request_formats

QUIET_H = (0, 1, 6, 24, 168)


def alerts() -> str:
    """Render /analytics/alerts. `bot` and `filter` in the address are those that the form of a new one begins with."""
    formats = request_formats()
    states = services.alerts.states(services.now()).alerts
    firing = sum(each.holds for each in states)
    text = formats.words.text
    return render_template(
        "alerts.html",
        states=sorted(states, key=lambda each: not each.holds),
        figures=tuple(FIGURES),
        comparisons=COMPARISONS,
        windows=WINDOWS,
        quiet_hours=QUIET_H,
        every_bot=services.bots.all(),
        given={name: request.args.get(name, "") for name in ("bot", "filter")},
        is_on=services.saved.is_on,
        statistics=_statistics,
        title=text("alerts.title"),
        status=text("alerts.status", n=firing) if firing else text("alerts.quiet"),
    )


def _statistics(state: AlertState) -> str:
    """The figures of the day of a window, where the figure can be looked at."""
    day = state.start.astimezone(services.settings.zone).date().isoformat()
    asked = {"from": day, "to": day, "filter": state.filter, "bot": state.bot}
    return address("statistics", {name: value for name, value in asked.items() if value})
