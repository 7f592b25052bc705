"""Has ClickHouse forget which batches it has stored, so that what was deleted is stored when it is sent again.

ClickHouse knows a batch by its insert token for as long as 10,000 later inserts, and longer than the rows: a DELETE leaves the
token behind, and the same bytes are then acknowledged and not stored. Setting a table's window to 0 drops its tokens.
"""

import re
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.errors import Retryable
from sidecar.migrate import database_of, first_line

SETTING = "non_replicated_deduplication_window"
WINDOW = 10_000  # of every table in sidecar/sql that views or inserts fill
TABLES = (
    "SELECT name, engine_full FROM system.tables"
    " WHERE database = {database:String} AND position(engine_full, {setting:String}) > 0"
)


def forget(url: str) -> list[str]:
    """Forget the tokens of all tables and return their names; safe to repeat. Raises Retryable when ClickHouse does not answer."""
    database = database_of(url)
    try:
        with clickhouse_connect.get_client(dsn=urlsplit(url).geturl(), autogenerate_session_id=False) as client:
            tables = client.query(TABLES, parameters={"database": database, "setting": SETTING}).result_rows
            for name, engine in tables:
                # one that a killed run left at 0 has had none since
                found = re.search(rf"{SETTING} = (\d+)", engine)
                window = int(found[1]) if found and int(found[1]) else WINDOW
                for value in (0, window):
                    client.command(f"ALTER TABLE `{database}`.`{name}` MODIFY SETTING {SETTING} = {value}")
    except (ClickHouseError, OSError) as error:
        raise Retryable(f"the deduplication can't be reset: {first_line(error)}") from None
    return sorted(name for name, _ in tables)
