"""POST /api/login-links: the bot's /dashboard command asks for a link and hands it to the owner."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Response, jsonify, request, url_for

from web.api import blueprint
from web.api.output import iso
from web.auth.access import bearer_only
from web.auth.links import TTL_MAX_S, TTL_S, make_link
from web.context import services
from web.errors import ParameterError


@blueprint.post("/login-links")
@bearer_only
def login_links() -> tuple[Response, int]:
    """Make a one-time link; the body may be `{"ttl_s": seconds}`."""
    token, expires_at = make_link(services.auth_database, _ttl())
    base = services.settings.public_url or request.host_url.rstrip("/")
    url = f"{base}{url_for('auth.login_link')}?{urlencode({'token': token})}"
    return jsonify(url=url, expires_at=iso(datetime.fromtimestamp(expires_at, UTC))), 201


def _ttl() -> int:
    if not request.get_data():
        return TTL_S
    try:
        body = request.get_json(force=True, silent=True)
    except RecursionError:  # nested without end
        body = None
    if not isinstance(body, dict):
        raise ParameterError("body", 'must be a JSON object such as {"ttl_s": 300}')
    for name in body:
        if name != "ttl_s":
            raise ParameterError(ascii(name)[1:-1][:50], "is not known here; known is ttl_s")
    ttl = body.get("ttl_s", TTL_S)
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 10 <= ttl <= TTL_MAX_S:
        raise ParameterError("ttl_s", f"must be a whole number of seconds from 10 to {TTL_MAX_S}")
    return ttl
