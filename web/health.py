"""`GET /healthz`: whether this process answers. It does not ask ClickHouse, so an outage there restarts nothing here."""

from flask import Blueprint, Response

from web.auth.access import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """Answer 200 with a short text."""
    return Response("ok\n", mimetype="text/plain")
