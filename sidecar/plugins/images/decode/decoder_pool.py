"""Child processes that decode images: one is lent for each image, and replaced when it dies or hangs."""

import asyncio
import json
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sidecar
from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.decode.containers import StrippedImage
from sidecar.plugins.images.decode.limits import Limits
from sidecar.plugins.images.settings import ImagesSettings

START_WITHIN_S = 60.0
DECODED_WITHIN_S = 60.0
# after so many a child makes room for a fresh one: whatever it lost of its memory comes back
IMAGES_BY_CHILD = 2_000
_CODE = str(Path(sidecar.__file__).parents[1])
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from sidecar.plugins.images.decode.child import main; main()"
_ANSWER = {"media_type": str, "extension": str, "width": int, "height": int, "frames": int}
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP})


@dataclass(slots=True)
class _Child:
    process: Process
    images: int = 0


class DecoderPool:
    """Decodes images in child processes, each made when it is first needed.

    `on_replaced` is called with why a child did not end in good order: crashed, hung, cpu, memory, ended, cancelled.
    """

    def __init__(self, config: ImagesSettings, on_replaced: Callable[[str], None]) -> None:
        self._max_bytes = config.max_bytes
        self._limits = Limits(config.max_pixels, config.max_frames, config.decoder_memory_bytes)
        self._timeout_s = DECODED_WITHIN_S
        self._on_replaced = on_replaced
        self._idle: asyncio.LifoQueue[_Child | None] = asyncio.LifoQueue()  # None: room for a child
        for _ in range(config.decoders):
            self._idle.put_nowait(None)
        self._children: set[Process] = set()
        self._closed = False

    async def start(self) -> None:
        """Make the first child, so that a fault shows now. Raises RetryableError when it can't be made."""
        self._closed = False
        child = None
        lent = await self._idle.get()
        try:
            child = await self._alive(lent)
        finally:
            self._idle.put_nowait(child)

    async def close(self) -> None:
        """End every child. Idempotent; an image under way is a RetryableError for its caller."""
        self._closed = True
        await asyncio.gather(*(self._end(process) for process in list(self._children)))

    async def decode(self, content: bytes) -> StrippedImage:
        """Return the image without metadata, with what it is. Raises PermanentError when it is refused, else RetryableError."""
        if len(content) > self._max_bytes:
            raise PermanentError(f"the image is larger than {self._max_bytes} bytes")
        if self._closed:
            raise RetryableError("the image decoder is closed")
        child = keep = None
        lent = await self._idle.get()
        try:
            child = await self._alive(lent)
            answer, image = await self._ask(child.process, content)
            child.images += 1
            if child.images < IMAGES_BY_CHILD and "spent" not in answer:
                keep = child
        finally:
            self._idle.put_nowait(keep)
            if keep is None and child is not None:
                await asyncio.shield(self._end(child.process))
        if "spent" in answer:
            self._on_replaced("memory")
        if "refused" in answer:
            raise PermanentError(str(answer["refused"]))
        return StrippedImage(content=image, **answer)

    async def _ask(self, process: Process, content: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(process, content)
        except TimeoutError:
            self._on_replaced("hung")
            raise RetryableError(f"the image was not decoded within {self._timeout_s:g} s") from None
        except asyncio.CancelledError:
            self._on_replaced("cancelled")
            raise
        except (asyncio.IncompleteReadError, OSError, ValueError):
            raise await self._how_it_died(process) from None

    async def _exchange(self, process: Process, content: bytes) -> tuple[dict[str, Any], bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(struct.pack(">I", len(content)))
        process.stdin.write(content)
        await process.stdin.drain()
        text_length, image_length = struct.unpack(">II", await process.stdout.readexactly(8))
        if text_length > 4096 or image_length > self._max_bytes + 4096:  # a child taken over may say anything
            raise ValueError
        answer = json.loads(await process.stdout.readexactly(text_length))
        types = {name: type(value) for name, value in answer.items()} if isinstance(answer, dict) else {}
        if types.get("refused") is not str and types != _ANSWER:
            raise ValueError
        return answer, await process.stdout.readexactly(image_length)

    async def _how_it_died(self, process: Process) -> Exception:
        if self._closed:
            return RetryableError("the image decoder was closed")
        status = await self._end(process)
        if status == -signal.SIGXCPU:
            self._on_replaced("cpu")
            return PermanentError(f"the image takes more than {self._limits.cpu_s} s of processor time to decode")
        if -status in _CRASHES:
            self._on_replaced("crashed")
            return PermanentError(f"the image crashes the decoder ({signal.Signals(-status).name})")
        self._on_replaced("ended")
        return RetryableError("the process that decodes images ended")

    async def _alive(self, child: _Child | None) -> _Child:
        """Return the child that was lent, or a new one when there is none or it died idle. Raises RetryableError."""
        if child is not None and child.process.returncode is None:
            return child
        if child is not None:
            self._children.discard(child.process)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-c", _PROGRAM, _CODE, json.dumps(asdict(self._limits)),
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise RetryableError(f"the image decoder can't be started: {error.strerror}", after=5) from None
        self._children.add(process)
        assert process.stdout is not None
        ready = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(START_WITHIN_S):
                    ready = bool(await process.stdout.read(1))
        finally:
            if not ready:
                await asyncio.shield(self._end(process))
        if not ready:
            raise RetryableError("the image decoder did not start", after=5)
        return _Child(process)

    async def _end(self, process: Process) -> int:
        """Kill a child unless it has ended, and return how it ended."""
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(0.2):  # the exit status of one that is ending by itself says why
                await process.wait()
        except TimeoutError:
            process.kill()
        status = await process.wait()
        self._children.discard(process)
        return status
