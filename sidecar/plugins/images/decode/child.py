"""The child process: takes pictures on its standard input, one after another, until that ends.

Started as `python -I -c "…" <folder of the code> <limits>`, with an empty environment. In: length (4 bytes, big-endian)
and the picture. Out: length of the answer, length of the picture, the answer as JSON, the picture without metadata.
Before the first picture it gives up, for good, what a decoder taken over by a picture would want: opening anything at
all (so no socket and no file), writing files, other processes, memory, and processor time by the picture.
"""

import json
import os
import resource
import struct
import sys
from typing import BinaryIO

from sidecar.errors import Permanent
from sidecar.plugins.images.decode.image import decode
from sidecar.plugins.images.decode.limits import Limits

OPEN_FILES = 3  # standard input, output and error
_NICE = 10  # events go before pictures


def main() -> None:
    """Serve until standard input ends."""
    limits = Limits(**json.loads(sys.argv[-1]))
    lock_down(limits)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(b"\0")  # ready, with all it needs loaded
    sink.flush()
    while (header := source.read(4)) and len(header) == 4:
        (length,) = struct.unpack(">I", header)
        content = source.read(length)
        if len(content) < length:
            break
        _limit_cpu(limits.cpu_s)
        serve(content, limits, sink)


def lock_down(limits: Limits) -> None:
    """Give up what decoding does not need; hard limits, which only root could raise again."""
    os.nice(_NICE)
    if sys.platform != "darwin":  # which refuses this limit: there the pixels alone bound memory
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    for what, most in (
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def serve(content: bytes, limits: Limits, sink: BinaryIO) -> None:
    """Answer for one picture. Ends the process after a refusal for want of memory: what is left of it is not known."""
    picture = b""
    try:
        found = decode(content, limits)
    except Permanent as refused:
        answer: dict[str, str | int] = {"refused": refused.reason}
    except MemoryError:
        answer = {"refused": f"the picture takes more than {limits.memory_bytes >> 20} MiB to decode", "spent": 1}
    else:
        picture = found.content
        answer = {
            "media_type": found.media_type,
            "extension": found.extension,
            "width": found.width,
            "height": found.height,
            "frames": found.frames,
        }
    text = json.dumps(answer).encode()
    sink.write(struct.pack(">II", len(text), len(picture)) + text)
    sink.write(picture)
    sink.flush()
    if "spent" in answer:
        raise SystemExit


def _limit_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of processor time, then end it by SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
