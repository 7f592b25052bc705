"""The ClickHouse sink: OTLP bytes go in as they are, ClickHouse spreads them into tables by views."""

from sidecar.plugin import Context, Factory, Plugin
from sidecar.plugins.clickhouse.cli import COMMANDS
from sidecar.plugins.clickhouse.settings import ClickHouseSettings


def _build(config: ClickHouseSettings, context: Context) -> Plugin:
    from sidecar.plugins.clickhouse.sink import ClickHouseSink  # the driver loads only when the plugin is used

    return ClickHouseSink(config, context)


FACTORY = Factory(name="clickhouse", config=ClickHouseSettings, build=_build, required=True, commands=COMMANDS)
