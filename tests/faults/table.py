"""The table of delivery faults: row numbers are those of docs/reliability.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults import strikes
from tests.faults.load import Mix
from tests.faults.strikes import Strike

IMPATIENT = {"CLICKHOUSE_INSERT_TIMEOUT_S": "2"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `collector`: settings of the collector in front of the sidecar; None leaves it out."""

    row: int
    name: str
    strike: Strike
    mix: Mix = field(default_factory=Mix)
    collector: Mapping[str, str] | None = None
    own_clickhouse: bool = False
    often: int = 3  # strikes in a full run; 1 comes early, as it lasts or needs many events after it
    sidecar: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.row}: {self.name}"


IN_FRONT: Mapping[str, str] = {}

FAULTS = (
    Fault(1, "sidecar killed before the insert", strikes.sidecar_killed_at("request")),
    Fault(2, "sidecar killed during the insert", strikes.sidecar_killed_at("half")),
    Fault(3, "sidecar killed after the insert, before the 200", strikes.sidecar_killed_at("reply")),
    Fault(3, "the same behind a collector", strikes.sidecar_killed_at("reply"), collector=IN_FRONT),
    Fault(4, "sidecar killed after the 200, before jobs ran", strikes.sidecar_killed_before_its_jobs, Mix(pictures=True), often=1),
    Fault(5, "random kills of the sidecar", strikes.sidecar_killed_at_random, often=50),
    Fault(6, "collector killed with a full queue", strikes.collector_killed_full, collector={"queue_size": "500"}, often=1),
    Fault(7, "ClickHouse killed with half an insert", strikes.clickhouse_killed_mid_insert, own_clickhouse=True),
    Fault(7, "ClickHouse killed while it writes", strikes.clickhouse_killed_while_it_writes, own_clickhouse=True),
    Fault(8, "ClickHouse frozen", strikes.clickhouse_frozen, own_clickhouse=True, often=1, sidecar=IMPATIENT),
    Fault(10, "SIGTERM to everything under load", strikes.sigterm_to_everything, collector=IN_FRONT, own_clickhouse=True),
    Fault(13, "503 from the sidecar", strikes.sent_away("sidecar", 503)),
    Fault(13, "429 from the sidecar to a collector", strikes.sent_away("sidecar", 429), collector=IN_FRONT),
    Fault(13, "503 from ClickHouse", strikes.sent_away("clickhouse", 503)),
    Fault(14, "the sidecar's reply lost", strikes.reply_lost("sidecar")),
    Fault(14, "the sidecar's reply to a collector lost", strikes.reply_lost("sidecar"), collector=IN_FRONT),
    Fault(14, "ClickHouse's reply lost", strikes.reply_lost("clickhouse")),
    Fault(15, "link from the collector to the sidecar cut for seconds", strikes.link_cut("sidecar"), collector=IN_FRONT, often=1),
    Fault(16, "a line of 1 kB/s to ClickHouse", strikes.sink_is_slow, often=1, sidecar=IMPATIENT),
    Fault(21, "1 % poison, and a lost reply", strikes.reply_lost("sidecar"), Mix(poison=0.01)),
    Fault(22, "nothing but poison, and a lost reply", strikes.reply_lost("sidecar"), Mix(poison=1.0)),
    Fault(24, "bombs, and bodies over the cap", strikes.bombs, often=1),
    Fault(26, "clocks off by 30 days or at 1970, DST; sidecar killed", strikes.sidecar_killed_at("reply"), Mix(clocks=True)),
)  # fmt: skip
