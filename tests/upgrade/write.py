"""Writes a data folder with the parts of a checkout, and what its pages and API say of it.

`python -m tests.upgrade.write CHECKOUT FOLDER`: CHECKOUT has had `make setup collector`; FOLDER gets data.tar.xz,
answers.json and README.md.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any

from argon2 import PasswordHasher

from tests.browser.stack import wait_until
from tests.support.embedded import EmbeddedClickHouse
from tests.upgrade.installation import (
    ANSWERS,
    ARCHIVE,
    PASSWORD,
    STATE,
    Checkout,
    Installation,
    as_delivered,
    as_written,
    unpack,
    wait_for,
)

API_TOKEN = "ct_a-token-of-the-upgrade-test"
# What embedded ClickHouse makes anew at each start; two of them hold paths of this machine.
REMADE = ("lock", "config.xml", "users.xml", "incoming", "temporary", "engine/tmp")
README = """# A data folder as version {version} leaves it

Written by `python -m tests.upgrade.write CHECKOUT {folder}` with CHECKOUT at commit {commit}.

- `data.tar.xz`: the whole data folder after a clean end of all parts, without what embedded ClickHouse makes anew at each start.
- `answers.json`: what that version's pages and API said of it; `as_written` before, `as_delivered` after the events in the
  collector's queue, a picture in the spool and the report on a killed process had arrived.

`tests/integration/test_upgrade.py` opens it with the present version. Never edit these files: they are what users have.
"""


def fill(installation: Installation) -> tuple[int, int, dict[str, str]]:
    """Fill a data folder; events stored, events on their way, and what a visitor keeps."""
    images, away = installation.data / "images", installation.data / "images.away"
    installation.send("premium", "")
    with installation.clickhouse() as clickhouse:
        with installation.sidecar(clickhouse) as sidecar, installation.collector(sidecar.url) as collector:
            events = installation.send("bot", collector)
            events += installation.send("other", collector)
            events += installation.send("hashed", collector)
            events += installation.send("killed", collector, ends_with=-9)
            events += installation.send("reporter", collector)
            events += installation.send("killed", collector, ends_with=-9)
            wait_for(clickhouse, events)
            images.rename(away)
            images.touch()  # a file in place of the folder: the store cannot write
            events += installation.send("waiting", collector)
            wait_for(clickhouse, events, pending=1)
            wait_until(lambda: any("directory store" in line for line in sidecar.output))
            sidecar.stop()
            images.unlink()
            away.rename(images)
            late = installation.send("late", collector)
        visit = sign_in(installation, clickhouse)
    assert list((installation.data / STATE).glob("*.sequence")), "the killed process left no file"
    return events, late, visit


class StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the cookie is in the answer that redirects."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """No further request."""


def sign_in(installation: Installation, clickhouse: EmbeddedClickHouse) -> dict[str, str]:
    """A wrong password, the right one, and a login link that stays unused."""
    password_hash = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    token_hash = hashlib.sha256(API_TOKEN.encode()).hexdigest()
    settings = {"CHATTRAIL_WEB_PASSWORD_HASH": password_hash, "CHATTRAIL_WEB_API_TOKEN_HASHES": token_hash}
    opener = urllib.request.build_opener(StayHere)
    with installation.web(clickhouse, **settings) as web:

        def post(path: str, body: bytes, **headers: str) -> Any:
            request = urllib.request.Request(web.url.rstrip("/") + path, body, headers)
            try:
                return opener.open(request)
            except urllib.error.HTTPError as answer:
                return answer

        same = {"Sec-Fetch-Site": "same-origin"}
        post("/login", b"password=wrong", **same).close()
        with post("/login", urllib.parse.urlencode({"password": PASSWORD}).encode(), **same) as answer:
            assert answer.status == 303, answer.status
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        bearer = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"}
        with post("/api/login-links", b"{}", **bearer) as answer:
            link = urllib.parse.urlsplit(json.load(answer)["url"])
    now = datetime.now(UTC) + timedelta(seconds=1)
    return {
        "now": now.isoformat(), "cookie": cookie, "link": f"{link.path}?{link.query}", "password": PASSWORD,
        "password_hash": password_hash,
    }  # fmt: skip


def pack(data: Path, archive: Path) -> None:
    """Pack a data folder, with nothing of this machine in it."""
    without = {f"data/clickhouse/{name}" for name in REMADE}

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if member.name in without:
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 1_772_442_000
        return member

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        packed.add(data, "data", filter=plain)


def main() -> None:
    """Write the folder."""
    root, release = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    release.mkdir(parents=True, exist_ok=True)
    checkout = Checkout(root, str(root / ".venv" / "bin" / "python"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = folder / "data"
        data.mkdir()
        events, late, visit = fill(Installation(checkout, data))
        pack(data, release / ARCHIVE)
        again = Installation(checkout, unpack(release, folder / "again"))
        with again.clickhouse() as clickhouse:
            written = as_written(again, clickhouse, visit)
            delivered = as_delivered(again, clickhouse, visit, events + late)
    found = {"visit": visit, "events": events + late, "as_written": written, "as_delivered": delivered}
    (release / ANSWERS).write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    names = {"version": release.name, "folder": f"tests/upgrade/{release.name}", "commit": commit.stdout.strip()}
    (release / "README.md").write_text(README.format(**names), encoding="utf-8")


if __name__ == "__main__":
    main()
