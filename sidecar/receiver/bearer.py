"""The bearer token that senders show, when the sidecar has one."""

import hmac

from aiohttp import web
from pydantic import SecretStr

from chattrail.rate_limited_log import RateLimitedLog
from sidecar.receiver.responses import RefusedError

WRONG_TOKEN_S = 10.0


class Token:
    """Checks the token of requests; without one every request is known."""

    def __init__(self, token: SecretStr | None, log: RateLimitedLog) -> None:
        self._token = token.get_secret_value().encode() if token else None
        self._log = log

    def is_known(self, request: web.Request) -> bool:
        """Whether a request shows it."""
        if self._token is None:
            return True
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip().encode(errors="surrogateescape")
        return scheme.lower() == "bearer" and hmac.compare_digest(given, self._token)

    def require(self, request: web.Request, *, final: bool = True) -> None:
        """Refuse a request without it. Unless `final`, a request with another token gets 503 and is sent again.

        OTLP calls 401 final: a collector whose token was changed a minute late would drop what it has acknowledged.
        """
        if self.is_known(request):
            return
        if final or not request.headers.get("Authorization"):
            raise RefusedError(401, "a bearer token is needed, the one in the sidecar's CHATTRAIL_SIDECAR_TOKEN")
        self._log.warning(
            "a sender's token is not the one in CHATTRAIL_SIDECAR_TOKEN; it keeps its records and tries again"
        )
        raise RefusedError(
            503, "this token is not the one in the sidecar's CHATTRAIL_SIDECAR_TOKEN", after=WRONG_TOKEN_S
        )
