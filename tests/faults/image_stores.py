"""What is really at the store, asked of the store itself: Cloudflare's double as a process, S3 by rclone, a folder."""

import asyncio
import hashlib
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Protocol, Self

from tests.faults.proxy import Proxy
from tests.support.paths import ROOT
from tests.support.receivers import until
from tests.support.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server

TOKEN = "cloudflare-test-token"


class ImageStore(Protocol):
    """A running store behind a proxy."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def settings(self, proxy: Proxy | None) -> dict[str, str]:
        """The sidecar's settings for it."""
        ...

    def port(self) -> int | None:
        """Where it listens, for a proxy before it."""
        ...

    def held(self) -> dict[str, str]:
        """SHA-256 of each image there is, by key; "" for a draft that has no bytes."""
        ...


class Folder:
    """The directory store's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing runs."""

    def settings(self, _proxy: Proxy | None) -> dict[str, str]:
        return {"IMAGES_STORE": "directory", "IMAGES_DIRECTORY": str(self.folder)}

    def port(self) -> int | None:
        return None

    def held(self) -> dict[str, str]:
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): _digest(path.read_bytes()) for path in found}


class Bucket:
    """A bucket of a real S3 server."""

    def __init__(self, folder: Path) -> None:
        self._server = S3Server(folder)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    def settings(self, proxy: Proxy | None) -> dict[str, str]:
        return {
            "IMAGES_STORE": "s3",
            "IMAGES_S3_ENDPOINT": proxy.url if proxy else self._server.url,
            "IMAGES_S3_BUCKET": BUCKET,
            "IMAGES_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "IMAGES_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def port(self) -> int | None:
        return int(self._server.url.rpartition(":")[2])

    def held(self) -> dict[str, str]:
        return {key: _digest(content) for key, content in self._server.objects().items()}


class Cloudflare:
    """Cloudflare's double, a process of its own."""

    def __init__(self, _folder: Path) -> None:
        self.url = ""
        self._account = ""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stack.simulators.cloudflare", "--port", "0"), cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = (await self._process.stdout.readline()).decode()
        found = re.search(r"ready on (http://\S+?)/client/v4, account (\w+)", line)
        assert found, f"Cloudflare's double said {line!r}"
        self.url, self._account = found[1], found[2]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.wait()

    def settings(self, proxy: Proxy | None) -> dict[str, str]:
        return {
            "IMAGES_STORE": "cloudflare_images",
            "IMAGES_CLOUDFLARE_ACCOUNT_ID": self._account,
            "IMAGES_CLOUDFLARE_API_TOKEN": TOKEN,
            "IMAGES_CLOUDFLARE_API_URL": f"{proxy.url if proxy else self.url}/client/v4",
        }

    def port(self) -> int | None:
        return int(self.url.rpartition(":")[2])

    def held(self) -> dict[str, str]:
        return {record["id"]: record["sha256"] for record in self.report()["records"]}

    def report(self) -> dict[str, Any]:
        """What it holds and how it answered."""
        with urllib.request.urlopen(f"{self.url}/_simulation", timeout=30) as answer:
            report: dict[str, Any] = json.load(answer)
        return report

    def order(self, *faults: dict[str, Any]) -> None:
        """Order faults; each waits for its route."""
        body = json.dumps(faults).encode()
        urllib.request.urlopen(f"{self.url}/_simulation/faults", body, timeout=30).close()

    async def suffered(self) -> None:
        """Wait until every fault that was ordered has happened."""
        await until(lambda: not self.report()["faults"], within_s=60)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
