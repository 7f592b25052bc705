"""One picture from its bytes: recognised, taken apart, counted, then every frame decoded as proof that it is whole."""

import io
import warnings

from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from sidecar.errors import Permanent
from sidecar.plugins.images.decode.gif import strip_gif
from sidecar.plugins.images.decode.jpeg import strip_jpeg
from sidecar.plugins.images.decode.limits import Limits
from sidecar.plugins.images.decode.parts import Stripped
from sidecar.plugins.images.decode.png import strip_png
from sidecar.plugins.images.decode.webp import strip_webp

# the classes themselves: Image.open would look for further formats in further modules, and hand some JPEGs to others
_DECODERS: dict[str, type[ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
}


def decode(content: bytes, limits: Limits) -> Stripped:
    """Return the picture without metadata. Raises Permanent when it is none, is broken, or is over a limit."""
    picture = strip(content)
    if picture.frames > limits.frames:
        raise Permanent(f"the picture has more than {limits.frames} frames")
    if picture.width * picture.height * picture.frames > limits.pixels:
        raise Permanent(f"the picture has more than {limits.pixels} pixels, all frames counted")
    _decode_frames(picture)
    return picture


def strip(content: bytes) -> Stripped:
    """Take a picture apart by what its bytes say it is, whatever anybody calls it."""
    if content.startswith(b"\xff\xd8\xff"):
        return strip_jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return strip_png(content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return strip_gif(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return strip_webp(content)
    raise Permanent("the bytes are not a JPEG, PNG, WebP or GIF picture")


def _decode_frames(picture: Stripped) -> None:
    kind = picture.media_type.removeprefix("image/").upper()
    Image.MAX_IMAGE_PIXELS = None  # counted above, over all frames
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _DECODERS[picture.media_type](io.BytesIO(picture.content)) as image:
                if sorted(image.size) != sorted((picture.width, picture.height)):
                    raise Permanent(f"the picture is broken: two sizes in a {kind}")
                for frame in range(picture.frames):
                    image.seek(frame)
                    image.load()
    except (Permanent, MemoryError):
        raise
    except Exception as error:  # a decoder may raise anything; its words may quote the picture
        raise Permanent(f"the picture can't be decoded as {kind} ({type(error).__name__})") from None
