"""Reading the URL of an image from an untrusted event: https on a public host, written plainly, or a reason why not.

Whatever another reader of URLs might understand differently is refused rather than repaired. Reasons never quote a URL.
"""

import re
from collections.abc import Collection

from yarl import URL

from sidecar.errors import PermanentError
from sidecar.plugins.images.fetch.addresses import why_refused

LONGEST = 8192
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_AUTHORITY = re.compile(r"\A(?:[a-z][a-z0-9+.-]*:)?//([^/?#]*)", re.IGNORECASE)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\Z")
_NUMBER = re.compile(r"(\d+|0x[0-9a-f]*)\Z")
_DOTTED = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}\Z")
_THIS_MACHINE = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")
_INSIDE = ("local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion", "alt")


def checked_url(
    address: str, base: URL | None = None, *, exempt: Collection[str] = (), allow_http: bool = False
) -> URL:
    """Return what may be fetched, `base` being where a redirect came from. Raises PermanentError with the reason.

    Hosts in `exempt` may have any scheme of HTTP, any port and any address; `allow_http` lets in http on port 80.
    """
    if len(address) > LONGEST:
        raise PermanentError(f"the image's URL is longer than {LONGEST} characters")
    if _BLANKS.search(address):
        raise PermanentError("the image's URL holds white space or a control character")
    if "\\" in address:
        raise PermanentError("the image's URL holds a backslash")
    try:
        url = URL(address) if base is None else base.join(URL(address))
        host, port = (url.raw_host or "").lower(), url.port
    except ValueError:
        raise PermanentError("the image's URL is not valid") from None
    if url.scheme not in ("http", "https"):
        raise PermanentError("the image's URL is not an https URL")
    if not host:
        raise PermanentError("the image's URL names no host")
    authority = found[1] if (found := _AUTHORITY.match(address)) else ""  # as written: an empty name leaves no trace
    if "@" in authority:
        raise PermanentError("the image's URL holds a user name or password")
    if "[" in authority and ":" not in host:
        raise PermanentError("the image's URL is not valid")
    if host in exempt:
        return url.with_fragment(None)
    if url.scheme == "http" and not allow_http:
        raise PermanentError("the image's URL is not an https URL")
    if port != (443 if url.scheme == "https" else 80):
        raise PermanentError("the image's URL names another port than 443")
    _check_host(host)
    return url.with_fragment(None)


def _check_host(host: str) -> None:
    name = host.removesuffix(".")
    last = name.rpartition(".")[2]
    if ":" in host or _NUMBER.match(last):
        # no name ends in a number: resolvers read 127.1, 0x7f.1, 017700000001 as addresses
        if ":" not in host and not _DOTTED.match(host):
            raise PermanentError("the image's URL writes an address in an unusual way")
        if (what := why_refused(host)) is not None:
            raise PermanentError(f"the image's host has an address that is not public ({what})")
    elif not _NAME.match(name):
        raise PermanentError("the image's URL names a host by characters that no name has")
    elif name in _THIS_MACHINE or last == "localhost":
        raise PermanentError("the image's URL names this machine")
    elif "." not in name or last in _INSIDE:
        raise PermanentError("the image's URL names a host inside a network, not on the internet")
