"""Trusted hosts, same origin for unsafe methods, and the security headers of every response, error pages included."""

import re
from urllib.parse import urlsplit

from flask import Response, request

from common.net import is_loopback
from web.auth.access import SAFE_METHODS
from web.auth.tokens import bearer_token_given
from web.context import services
from web.errors import ProblemError

PORT_MAX = 65535
HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; media-src {media}; connect-src 'self';"
    " font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_host() -> None:
    """Refuse a name that is not ours (DNS rebinding, poisoned links). Container probes ask by address for their one page."""
    if request.path == "/healthz":
        return
    if not _is_own(request.headers.get("Host", "")):
        raise ProblemError(
            400,
            "This address is not served here. The person who runs this site sets it in CHATTRAIL_WEB_PUBLIC_URL.",
            kind="untrusted-host",
        )


def _is_own(host: str) -> bool:
    match = HOST.fullmatch(host)
    if not match or not 0 < int(match["port"] or 80) <= PORT_MAX:
        return False
    name = match["name"].strip("[]").lower()
    return is_loopback(name) or name in services.settings.trusted_hosts


def check_origin() -> None:
    """Refuse what another site makes a browser send. A token in a header is no ambient authority and needs no check."""
    if request.method in SAFE_METHODS or bearer_token_given():
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin")  # absent altogether: not a browser, nothing to forge
        foreign = origin is not None and _netloc(origin) != request.headers.get("Host", "none").lower()
    if foreign:
        raise ProblemError(403, "This was sent from another site, so it was not done.", kind="cross-site")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        raise ProblemError(400, "The header Origin is no address.", kind="bad-header") from None


def set_headers(response: Response) -> Response:
    """Set the security headers that a view has not set."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # a redirect to an image in another store is checked against `img-src` too, so it names the configured origins
    images = " ".join(("'self'", "data:", *services.image_links.origins))
    media = " ".join(("'self'", *services.image_links.media_origins))
    policy = CONTENT_SECURITY_POLICY.format(images=images, media=media)
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("Referrer-Policy", _referrer_policy())
    if services.settings.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static" and response.status_code == 200:  # the name of each built file holds its hash
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _referrer_policy() -> str:
    """`no-referrer`, save on plain http in a network: browsers send no Sec-Fetch-Site there, and under no-referrer
    they send `Origin: null` even to the same site, which would lock everybody out.
    """
    host = urlsplit(services.settings.public_url).hostname or "127.0.0.1"
    return "no-referrer" if services.settings.secure or is_loopback(host) else "same-origin"
