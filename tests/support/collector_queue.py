"""A queue folder as this version's collector leaves it when it is killed, kept as an archive for the versions after it.

`python -m tests.support.collector_queue tests/integration/collector/queue_2026_11.tar.gz` writes one. The one of that name
was written at commit 38b4b44, the last whose collector had a patched queue on contrib's file_storage.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.collector_process import Collector, Destination, until
from tests.support.otlp import event, request, uuid7


def main(target: Path) -> None:
    """Send requests, let some be on their way to a destination that does not answer, kill, and pack."""
    with tempfile.TemporaryDirectory() as folder, Destination() as destination:
        destination.answer = lambda: (destination.let_go.wait(60), (503, {}))[1]
        data = Path(folder)
        with Collector(data, destination.url) as collector:
            ids = [uuid7(number) for number in range(600)]
            for at in range(0, len(ids), 20):
                body = request(*(event("user_message", event_id=one) for one in ids[at : at + 20]))
                assert collector.post(body) == 200
            until(lambda: destination.attempts, "a batch on its way")
            collector.kill()
        (data / "collector" / "ids").write_text("\n".join(ids))
        with tarfile.open(target, "w:gz") as archive:
            for name in ("queue", "ids"):
                archive.add(data / "collector" / name, name, filter=_without_owner)


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]))
