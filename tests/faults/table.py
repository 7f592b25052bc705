"""The table of delivery faults: row numbers are those of docs/reliability.md."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import disk_fault_injectors, fault_injectors
from tests.faults.cluster import Cluster, OnDisk
from tests.faults.fault_injectors import Injector
from tests.faults.load import Load, Mix
from tests.faults.pages import Pages, disorder

IMPATIENT = {"CLICKHOUSE_INSERT_TIMEOUT_S": "2"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. `collector`: settings of the collector in front of the sidecar; None leaves it out."""

    row: int
    name: str
    inject: Injector
    mix: Mix = field(default_factory=Mix)
    collector: Mapping[str, str] | None = None
    own_clickhouse: bool = False
    often: int = 3  # faults in a full run; 1 comes early, as it lasts or needs many events after it
    sidecar: Mapping[str, str] = field(default_factory=dict)
    lasts_s: float = 12.0  # in a full run
    abreast: bool = False  # mostly waits, so the seeds of a full run go side by side
    on_disk: OnDisk | None = None  # the part that has a small disk to itself
    afterwards: Callable[[Cluster, Load, Path], Awaitable[None]] | None = None  # what else must hold when all is quiet

    @property
    def id(self) -> str:
        return f"{self.row}: {self.name}"


async def trails_in_order(cluster: Cluster, load: Load, folder: Path) -> None:
    """Every person's trail on the pages is in the order of the rule, however wrong the clocks were."""
    pages = Pages(cluster.readonly_dsn, folder)
    assert await asyncio.to_thread(disorder, pages, load) == []


def beside_a(manner: str) -> Mapping[str, str]:
    """Settings of a sidecar that has to live with a plugin that misbehaves."""
    return {
        "PLUGINS": "clickhouse,images,misbehaving",
        "PLUGINS_DIR": str(Path(__file__).parent / "misbehaving"),
        "MISBEHAVING_MANNER": manner,
    }


IN_FRONT: Mapping[str, str] = {}
KILLED = fault_injectors.sidecar_killed_at("reply")
BESIDE = fault_injectors.sidecar_killed_beside_a_stranger
QUEUE_DISK = disk_fault_injectors.queue_disk_full

FAULTS = (
    Fault(1, "sidecar killed before the insert", fault_injectors.sidecar_killed_at("request")),
    Fault(2, "sidecar killed during the insert", fault_injectors.sidecar_killed_at("half")),
    Fault(3, "sidecar killed after the insert, before the 200", KILLED),
    Fault(3, "the same behind a collector", KILLED, collector=IN_FRONT),
    Fault(
        4,
        "sidecar killed after the 200, before jobs ran",
        fault_injectors.sidecar_killed_before_its_jobs,
        Mix(images=True),
        often=1,
    ),
    Fault(5, "random kills of the sidecar", fault_injectors.sidecar_killed_at_random, often=50, abreast=True),
    Fault(6, "collector killed with a full queue", fault_injectors.collector_killed_full, collector={"queue_size": "500"}, often=1),
    Fault(7, "ClickHouse killed with half an insert", fault_injectors.clickhouse_killed_mid_insert, own_clickhouse=True),
    Fault(7, "ClickHouse killed while it writes", fault_injectors.clickhouse_killed_while_it_writes, own_clickhouse=True),
    Fault(8, "ClickHouse frozen", fault_injectors.clickhouse_frozen, own_clickhouse=True, often=1, sidecar=IMPATIENT,
          lasts_s=60, abreast=True),
    Fault(10, "SIGTERM to everything under load", fault_injectors.sigterm_to_everything, collector=IN_FRONT, own_clickhouse=True),
    Fault(13, "503 from the sidecar", fault_injectors.sent_away("sidecar", 503)),
    Fault(13, "503 from the sidecar to a collector", fault_injectors.sent_away("sidecar", 503), collector=IN_FRONT),
    Fault(13, "429 from the sidecar to a collector", fault_injectors.sent_away("sidecar", 429), collector=IN_FRONT),
    Fault(13, "503 from ClickHouse", fault_injectors.sent_away("clickhouse", 503)),
    Fault(14, "the sidecar's reply lost", fault_injectors.reply_lost("sidecar")),
    Fault(14, "the sidecar's reply to a collector lost", fault_injectors.reply_lost("sidecar"), collector=IN_FRONT),
    Fault(14, "ClickHouse's reply lost", fault_injectors.reply_lost("clickhouse")),
    Fault(15, "link from collector to sidecar cut for 20 s", fault_injectors.link_cut("sidecar"), collector=IN_FRONT, often=1,
          lasts_s=20, abreast=True),
    Fault(16, "a line of 1 kB/s to ClickHouse", fault_injectors.sink_is_slow, often=1, sidecar=IMPATIENT, abreast=True),
    Fault(18, "disk of the collector's queue full", QUEUE_DISK(killed=False), collector=IN_FRONT, on_disk="collector", often=1),
    Fault(18, "the same, and the collector killed", QUEUE_DISK(killed=True), collector=IN_FRONT, on_disk="collector", often=1),
    Fault(19, "ClickHouse's disk full", disk_fault_injectors.clickhouse_disk_full, own_clickhouse=True, on_disk="clickhouse"),
    Fault(21, "1 % poison, and a lost reply", fault_injectors.reply_lost("sidecar"), Mix(poison=0.01)),
    Fault(22, "nothing but poison, and a lost reply", fault_injectors.reply_lost_amid_poison, Mix(poison=1.0)),
    Fault(23, "a plugin that raises; sidecar killed", BESIDE, sidecar=beside_a("raises")),
    Fault(23, "a plugin that hangs; sidecar killed", BESIDE, sidecar=beside_a("hangs")),
    Fault(23, "a plugin that blocks its loop; sidecar killed", BESIDE, sidecar=beside_a("blocks")),
    Fault(24, "bombs, and bodies over the cap", fault_injectors.bombs, often=1),
    Fault(26, "clocks off by 30 days or at 1970, DST; sidecar killed", KILLED, Mix(clocks=True), afterwards=trails_in_order),
)  # fmt: skip
