"""Requests that a web page of another site makes a browser send (https://fetch.spec.whatwg.org/#origin-header).

A browser on this machine reaches a server on loopback, so any page can: by a form, by `no-cors` requests, or by a name of
its own that it points here (DNS rebinding). Programs send neither Origin nor Sec-Fetch-Site.
"""

import re
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

from common.net import is_loopback
from sidecar.embedded.errors import ClickHouseError, Code

HOST = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9.]+))(?::[0-9]{1,5})?")
OWN = ("same-origin", "none")  # of Sec-Fetch-Site; none: a person typed the address


def refuse_other_sites(headers: CIMultiDictProxy[str]) -> None:
    """Raise ClickHouseError (497, status 403) for a request from a page that this server did not serve.

    With passwords too: a browser adds the ones it remembers to every page's requests.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    foreign = site not in OWN if site is not None else origin is not None and _netloc(origin) != headers.get("Host")
    if foreign:
        raise ClickHouseError(
            Code.ACCESS_DENIED,
            "The request comes from a web page of another site (headers Origin, Sec-Fetch-Site);"
            " only programs and pages of this server may ask",
        )


def refuse_other_names(headers: CIMultiDictProxy[str]) -> None:
    """Raise ClickHouseError (497) unless Host is this machine's loopback: for users without a password."""
    names = headers.getall("Host", [])
    found = HOST.fullmatch(names[0]) if len(names) == 1 else None
    if found is not None and is_loopback(found["six"] or found["name"]):
        return
    raise ClickHouseError(
        Code.ACCESS_DENIED,
        "The header Host must name localhost or a loopback address for a user without a password;"
        " set CHATTRAIL_EMBEDDED_PASSWORD and CHATTRAIL_EMBEDDED_READONLY_PASSWORD to use other names",
    )


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
