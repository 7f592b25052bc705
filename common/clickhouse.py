"""How the driver is told where ClickHouse is."""

from typing import Any
from urllib.parse import urlsplit


def connection_options(url: str) -> dict[str, Any]:
    """Return the options of a client of clickhouse-connect for `url`.

    The driver takes https for the ports 443 and 8443 alone, whatever the URL says: the interface has to be named. A session
    would let one query run at a time.
    """
    return {"dsn": url, "interface": urlsplit(url).scheme, "autogenerate_session_id": False}
