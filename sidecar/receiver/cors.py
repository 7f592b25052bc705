"""Lets scripts of chosen web pages send logs. Off unless CHATTRAIL_SIDECAR_CORS_ORIGINS names the pages' origins.

Never with credentials: cookies and passwords that a browser keeps are of no use here, a sender shows its token itself.
Source: the Fetch standard, "CORS protocol".
"""

from collections.abc import Collection, Mapping

from aiohttp import web

from sidecar.receiver.responses import RefusedError

ANY = "*"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Encoding, Content-Type",
    "Access-Control-Max-Age": "7200",  # the most that Chromium keeps
}


class Cors:
    """Knows whose scripts may send."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)
        self.is_on = bool(self._origins)  # whether any page may send

    def headers(self, request: web.Request) -> Mapping[str, str]:
        """Return what an answer needs for its page to be let read it, refusals and Retry-After included."""
        if not self.is_on:
            return {}
        if ANY in self._origins:
            allowed = {"Access-Control-Allow-Origin": ANY}
        elif (origin := request.headers.get("Origin", "")) in self._origins:
            allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        else:
            return {"Vary": "Origin"}
        return {**allowed, "Access-Control-Expose-Headers": "Retry-After"}

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer a browser that asks before it sends; it shows no token then."""
        if "Access-Control-Allow-Origin" not in self.headers(request):
            raise RefusedError(403, "the page's origin is not in CHATTRAIL_SIDECAR_CORS_ORIGINS")
        return web.Response(status=204, headers=PREFLIGHT)
