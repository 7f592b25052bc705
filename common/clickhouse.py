"""How the driver is told where ClickHouse is."""

from typing import Any, Final
from urllib.parse import urlsplit

# What `protocol_version` of our clients is: at a higher one the embedded engine would analyse each query twice, and run its scalar
# subqueries twice (docs/adr/0020-native-revision.md). What it adds is of no use to us.
NO_REVISION: Final = 0


def connection_options(url: str) -> dict[str, Any]:
    """Return the options of a client of clickhouse-connect for `url`.

    The driver takes https for the ports 443 and 8443 alone, whatever the URL says: the interface has to be named. A session
    would let one query run at a time.
    """
    return {"dsn": url, "interface": urlsplit(url).scheme, "autogenerate_session_id": False}
