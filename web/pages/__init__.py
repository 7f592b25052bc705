"""The pages of figures and people, and the API's reference, rendered on the server; htmx swaps them in place.

A request by htmx gets `#page` alone, any other one the whole document, from the same template at the same address.
"""

from datetime import timedelta

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from web.auth.access import reads_trails
from web.conditional import conditional
from web.pages.alerts import alerts
from web.pages.event import event
from web.pages.filter_picker import filter_picker
from web.pages.funnel import funnel
from web.pages.live import live
from web.pages.printable import printable
from web.pages.reference import reference
from web.pages.retention import retention
from web.pages.save import save
from web.pages.search import search
from web.pages.sources import sources
from web.pages.statistics import statistics
from web.pages.template_context import init_blueprint
from web.pages.trail import trail
from web.pages.users import users

LIVE_HOLDS = timedelta(seconds=15)  # while nothing happens: what was five minutes ago is no more
blueprint = Blueprint("pages", __name__)
init_blueprint(blueprint)
blueprint.add_url_rule("/analytics", view_func=conditional(statistics))
blueprint.add_url_rule("/analytics/filter", view_func=filter_picker)
blueprint.add_url_rule("/analytics/retention", view_func=conditional(retention))
blueprint.add_url_rule("/analytics/funnel", view_func=conditional(funnel))
blueprint.add_url_rule("/analytics/sources", view_func=conditional(sources))
blueprint.add_url_rule("/analytics/users", view_func=conditional(users))
blueprint.add_url_rule(
    "/analytics/users/<person:client_id>", view_func=reads_trails(conditional(trail)), merge_slashes=False
)
blueprint.add_url_rule(
    "/analytics/users/<person:client_id>/events/<uuid:event_id>", view_func=reads_trails(event), merge_slashes=False
)
blueprint.add_url_rule(
    "/analytics/users/<person:client_id>/print", view_func=reads_trails(printable), merge_slashes=False
)
blueprint.add_url_rule("/analytics/live", view_func=reads_trails(conditional(live, LIVE_HOLDS)))
blueprint.add_url_rule("/analytics/search", view_func=reads_trails(search))
blueprint.add_url_rule("/analytics/alerts", view_func=alerts)
blueprint.add_url_rule("/analytics/api", view_func=reference)
blueprint.add_url_rule("/analytics/saved", view_func=save, methods=["POST"])


@blueprint.get("/")
def start() -> Response:
    """The bare address leads to Statistics."""
    return redirect(url_for("pages.statistics"), 303)
