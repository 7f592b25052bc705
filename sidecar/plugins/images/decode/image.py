"""One image from its bytes: recognised, rid of its metadata, counted, then every frame decoded as proof that it is whole."""

import io
import warnings

from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from sidecar.errors import PermanentError
from sidecar.plugins.images.decode.containers import StrippedImage, strip
from sidecar.plugins.images.decode.limits import Limits

# the classes themselves: Image.open would look for further formats in further modules, and hand some JPEGs to others
_DECODERS: dict[str, type[ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
}


def decode(content: bytes, limits: Limits) -> StrippedImage:
    """Return the image without metadata. Raises PermanentError when it is none, is broken, or is over a limit."""
    image = strip(content)
    if image.frames > limits.frames:
        raise PermanentError(f"the image has more than {limits.frames} frames")
    if image.width * image.height * image.frames > limits.pixels:
        raise PermanentError(f"the image has more than {limits.pixels} pixels, all frames counted")
    _decode_frames(image)
    return image


def _decode_frames(image: StrippedImage) -> None:
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
