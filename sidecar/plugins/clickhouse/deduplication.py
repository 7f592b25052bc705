"""Has ClickHouse forget which batches it has stored, so that what was deleted is stored when it is sent again.

ClickHouse knows a batch by its insert token for as long as 10,000 later inserts, and longer than the rows: a DELETE leaves the
token behind, and the same bytes are then acknowledged and not stored. Setting a table's window to 0 drops its tokens. A table
left at 0 would keep none any more, and what a collector sends again would be stored twice: so the window is set again however
`forget` ends, and by the next start of a sidecar where it could not be.
"""

import re

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.clickhouse import connection_options
from common.error_location import first_line
from sidecar.errors import RetryableError
from sidecar.plugins.clickhouse.migrate import database_of

SETTING = "non_replicated_deduplication_window"
WINDOW = 10_000  # of every table in sidecar/plugins/clickhouse/migrations that views or inserts fill
TABLES = (
    "SELECT name, engine_full FROM system.tables"
    " WHERE database = {database:String} AND position(engine_full, {setting:String}) > 0 ORDER BY name"
)


def forget(url: str) -> list[str]:
    """Forget the tokens of all tables and return their names; safe to repeat. Raises RetryableError."""
    try:
        with clickhouse_connect.get_client(**connection_options(url)) as client:
            windows = _windows(client, url)
            for name, window in windows.items():
                try:
                    _set(client, url, name, 0)
                finally:
                    _set(client, url, name, window or WINDOW)
    except (ClickHouseError, OSError) as error:
        raise RetryableError(
            f"the deduplication can't be reset: {first_line(error)}. A table may be left without: run forget-batches"
            " again once ClickHouse answers, or start the sidecar anew"
        ) from None
    return list(windows)


def restore(url: str) -> list[str]:
    """Have tables that were left without a window keep tokens again; return their names. Raises the driver's errors."""
    with clickhouse_connect.get_client(**connection_options(url)) as client:
        without = [name for name, window in _windows(client, url).items() if not window]
        for name in without:
            _set(client, url, name, WINDOW)
    return without


def _windows(client: Client, url: str) -> dict[str, int]:
    """How many tokens each table keeps."""
    parameters = {"database": database_of(url), "setting": SETTING}
    found = {}
    for name, engine in client.query(TABLES, parameters=parameters).result_rows:
        setting = re.search(rf"{SETTING} = (\d+)", engine)
        found[str(name)] = int(setting[1]) if setting else 0
    return found


def _set(client: Client, url: str, table: str, window: int) -> None:
    client.command(f"ALTER TABLE `{database_of(url)}`.`{table}` MODIFY SETTING {SETTING} = {window}")
