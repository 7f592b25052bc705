"""Photographs full of metadata, as cameras, phones and image generators leave them; every secret is a canary."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin

CANARY = b"CANARY"
KINDS = ("JPEG", "PNG", "WEBP", "GIF")
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf>CANARY of XMP</rdf></x:xmpmeta>"


def photograph(width: int = 200, height: int = 150) -> Image.Image:
    """A real photograph (public domain, NASA), cut to a size."""
    path = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(path) as image:
        return ImageOps.fit(image.convert("RGB"), (width, height))


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with a maker, an artist, a place on earth, and an orientation."""
    block = Image.Exif()
    block[0x010F], block[0x013B], block[0x0112] = "CANARY camera", "CANARY Ann", orientation
    block[0x8825] = {1: "N", 2: tuple(TiffImagePlugin.IFDRational(n) for n in (52, 31, 12)), 29: "CANARY 2026:01:01"}
    return block


def full_of_metadata(kind: str, *, orientation: int = 1, frames: int = 1, lossless: bool = False) -> bytes:
    """A photograph with every kind of metadata its format knows, and with bytes after its end."""
    images = [photograph().rotate(5 * number) for number in range(frames)]
    out = io.BytesIO()
    many = {"save_all": True, "append_images": images[1:], "duration": 70, "loop": 3} if frames > 1 else {}
    if kind == "JPEG":
        images[0].save(out, kind, exif=exif(orientation), xmp=XMP, comment=b"CANARY comment", icc_profile=ICC,
                       dpi=(300, 300), progressive=lossless)  # fmt: skip
        iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10CANARY of IPTC.."
        content = out.getvalue()
        content = content[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + content[2:]
    elif kind == "PNG":
        images[0].save(out, kind, exif=exif(orientation), icc_profile=ICC, pnginfo=_png_texts(), **many)
        content = out.getvalue()
    elif kind == "WEBP":
        images[0].save(out, kind, exif=exif(orientation), xmp=XMP, icc_profile=ICC, lossless=lossless, **many)
        content = out.getvalue()
    else:
        images[0].save(out, kind, comment=b"CANARY comment", **many)
        xmp = b"!\xff\x0bXMP DataXMP" + bytes([len(XMP)]) + XMP + b"\0"
        content = out.getvalue()[:-1] + xmp + b";"
    return content + b"\nCANARY after the end"


def unusual() -> dict[str, bytes]:
    """Kinds of pixels for which a decoder may need what it no longer can open."""
    photo = photograph()
    frames = [photo.rotate(angle).convert("RGBA") for angle in (10, 20, 30)]
    for frame in frames:
        frame.putalpha(frame.getchannel("R"))
    paletted = [frame.convert("RGB").quantize(16 + number) for number, frame in enumerate(frames)]
    many: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    wanted: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "JPEG CMYK": (photo.convert("CMYK"), "JPEG", {"icc_profile": ICC}),
        "JPEG grey": (photo.convert("L"), "JPEG", {"progressive": True}),
        "PNG bits": (photo.convert("1"), "PNG", {}),
        "PNG palette": (photo.quantize(), "PNG", {"transparency": 3}),
        "PNG grey and alpha": (photo.convert("LA"), "PNG", {}),
        "PNG 16 bits": (photo.convert("I;16"), "PNG", {}),
        "PNG animated": (frames[0], "PNG", {**many, "disposal": 1, "blend": 1}),
        "PNG animated with a default": (frames[0], "PNG", {**many, "default_image": True}),
        "WebP alpha": (frames[0], "WEBP", {}),
        "WebP animated": (frames[0], "WEBP", {**many, "lossless": True}),
        "GIF palettes": (paletted[0], "GIF", {**many, "append_images": paletted[1:], "disposal": 3, "optimize": False}),
        "GIF transparent": (frames[0], "GIF", {**many, "disposal": 2}),
    }
    found = {}
    for name, (image, kind, options) in wanted.items():
        out = io.BytesIO()
        image.save(out, kind, **options)
        found[name] = out.getvalue()
    return found


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _png_texts() -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "CANARY of a prompt")
    texts.add_text("Comment", "CANARY squeezed " * 20, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add(b"tIME", struct.pack(">HBBBBB", 2026, 1, 2, 3, 4, 5))
    texts.add(b"prVt", b"CANARY of a private chunk")
    return texts
