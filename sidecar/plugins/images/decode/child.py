"""The child process: takes images on its standard input, one after another, until that ends.

Started as `python -I -c "…" <folder of the code> <limits>`, with an empty environment. In: length (4 bytes, big-endian)
and the image. Out: length of the answer, length of the image, the answer as JSON, the image without metadata.
Before the first image it gives up, for good, what a decoder taken over by an image would want: opening anything at
all (so no socket and no file), writing files, other processes, memory, and processor time by the image.
"""

import io
import json
import os
import resource
import struct
import sys
import warnings
from typing import BinaryIO

from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from sidecar.errors import PermanentError
from sidecar.plugins.images.decode.containers import StrippedImage, strip
from sidecar.plugins.images.decode.limits import Limits

OPEN_FILES = 3  # standard input, output and error
_NICE = 10  # events go before images
# the classes themselves: Image.open would look for further formats in further modules, and hand some JPEGs to others
_DECODERS: dict[str, type[ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
}


def main() -> None:
    """Serve until standard input ends."""
    limits = Limits(**json.loads(sys.argv[-1]))
    lock_down(limits)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(b"\0")  # ready, with all it needs loaded
    sink.flush()
    while len(header := source.read(4)) == 4:
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
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        resource.setrlimit(what, (0, 0))


def serve(content: bytes, limits: Limits, sink: BinaryIO) -> None:
    """Answer for one image. Ends the process after a refusal for want of memory: what is left of it is not known."""
    image = b""
    try:
        found = decode(content, limits)
    except PermanentError as refused:
        answer: dict[str, str | int] = {"refused": refused.reason}
    except MemoryError:
        answer = {"refused": f"the image takes more than {limits.memory_bytes >> 20} MiB to decode", "spent": 1}
    else:
        image = found.content
        named = ("media_type", "extension", "width", "height", "frames")
        answer = {name: getattr(found, name) for name in named}
    text = json.dumps(answer).encode()
    sink.write(struct.pack(">II", len(text), len(image)) + text)
    sink.write(image)
    sink.flush()
    if "spent" in answer:
        raise SystemExit


def _limit_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of processor time, then end it by SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def decode(content: bytes, limits: Limits) -> StrippedImage:
    """Return the image without metadata. Raises PermanentError when it is none, is broken, or is over a limit."""
    image = strip(content)
    if image.frames > limits.frames:
        raise PermanentError(f"the image has more than {limits.frames} frames")
    if image.width * image.height * image.frames > limits.pixels:
        raise PermanentError(f"the image has more than {limits.pixels} pixels, all frames counted")
    kind = image.media_type.removeprefix("image/").upper()
    Image.MAX_IMAGE_PIXELS = None  # counted above, over all frames
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _DECODERS[image.media_type](io.BytesIO(image.content)) as decoder:
                if sorted(decoder.size) != sorted((image.width, image.height)):
                    raise PermanentError(f"the image is broken: two sizes in a {kind}")
                for frame in range(image.frames):
                    decoder.seek(frame)
                    decoder.load()
    except (PermanentError, MemoryError):
        raise
    except Exception as error:  # a decoder may raise anything; its message may quote the image
        raise PermanentError(f"the image can't be decoded as {kind} ({type(error).__name__})") from None
    return image
