"""The ClickHouse sink: OTLP bytes go in as they are, ClickHouse spreads them into tables by views."""

from sidecar.plugin import Factory, imported_on_call
from sidecar.plugins.clickhouse.cli import COMMANDS
from sidecar.plugins.clickhouse.settings import ClickHouseSettings

_BUILD = imported_on_call("sidecar.plugins.clickhouse.sink:ClickHouseSink")
FACTORY = Factory(name="clickhouse", config=ClickHouseSettings, build=_BUILD, required=True, commands=COMMANDS)
