"""What owners save, in the table `saved`: read as everything else, written as the one user who may insert there."""

import json
import logging
from urllib.parse import unquote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from common.net import in_url
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.sql import sql
from web.analytics.saved import Saved, SavedKind, ToSave
from web.errors import ClickHouseUnavailableError, ProblemError
from web.settings import WebSettings

log = logging.getLogger("web.saved")
LISTED_MAX = 200  # of a kind
INSERT = "INSERT INTO saved (kind, id, name, value, is_deleted) FORMAT JSONEachRow"
OFF = "Nothing can be saved here: CHATTRAIL_WEB_SAVING_URL is not set."


class SavedItems:
    """Reads and writes what owners save. Written rows are there when a write returns."""

    def __init__(self, settings: WebSettings, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._url = settings.saving_url.get_secret_value() if settings.saving_url else ""
        self._timeout_s = settings.query_timeout_s
        self._http = urllib3.PoolManager(num_pools=1, maxsize=2, retries=False)

    @property
    def is_on(self) -> bool:
        """Whether anything can be saved."""
        return bool(self._url)

    def of(self, kind: SavedKind) -> tuple[Saved, ...]:
        """All of a kind, by name. Raises ClickHouseUnavailableError."""
        rows = self._clickhouse.rows(sql("saved"), {"kind": kind, "limit": LISTED_MAX})
        return tuple(Saved(kind, key, name, json.loads(value), from_milliseconds(at)) for key, name, value, at in rows)

    def put(self, item: ToSave) -> None:
        """Save it: a new one, another name or value of a known one, or that it is deleted.

        Raises ProblemError when nothing can be saved here or there are too many, ClickHouseUnavailableError when it is not stored.
        """
        if not self._url:
            raise ProblemError(409, OFF, kind="saving-off")
        known = [each.id for each in self.of(item.kind)]
        if not item.is_deleted and item.id not in known and len(known) >= LISTED_MAX:
            raise ProblemError(409, f"There are {LISTED_MAX} of this kind already: delete one first.", kind="too-many")
        row = {
            "kind": item.kind,
            "id": item.id,
            "name": item.name,
            "value": json.dumps(item.value, ensure_ascii=False, separators=(",", ":")),
            "is_deleted": item.is_deleted,
        }
        self._insert(json.dumps(row, ensure_ascii=False).encode())

    def _insert(self, row: bytes) -> None:
        url = urlsplit(self._url)
        asked = urlencode({"database": url.path.strip("/"), "query": INSERT})
        who = urllib3.make_headers(basic_auth=f"{unquote(url.username or '')}:{unquote(url.password or '')}")
        address = f"{url.scheme}://{in_url(url.hostname or '')}:{url.port}/?{asked}"
        try:
            answer = self._http.request("POST", address, body=row, headers=who, timeout=self._timeout_s)
        except (HTTPError, OSError):
            where = f"{url.hostname}:{url.port} (CHATTRAIL_WEB_SAVING_URL)"
            raise ClickHouseUnavailableError(f"ClickHouse does not answer at {where}.") from None
        if answer.status != 200:
            code = answer.headers.get("X-ClickHouse-Exception-Code", "?")
            log.error("clickhouse error %s while saving", code)
            reason = f"ClickHouse did not store it (error {code}); look at the user of CHATTRAIL_WEB_SAVING_URL."
            raise ClickHouseUnavailableError(reason, retry_after=30)
