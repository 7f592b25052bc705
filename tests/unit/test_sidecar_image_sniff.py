"""Recognising pictures by their bytes; Pillow, which wrote them, is the witness of their size."""

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from sidecar.errors import Permanent
from sidecar.plugins.images.sniff import Picture, sniff
from tests.picture_host import picture

MANY = 10**9
WRITTEN = {
    "png": ("PNG", {}, "image/png"),
    "gif": ("GIF", {}, "image/gif"),
    "jpg": ("JPEG", {}, "image/jpeg"),
    "progressive jpg": ("JPEG", {"progressive": True, "comment": b"x" * 3000}, "image/jpeg"),
    "lossy webp": ("WEBP", {"quality": 50}, "image/webp"),
    "lossless webp": ("WEBP", {"lossless": True}, "image/webp"),
    "extended webp": ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}, "image/webp"),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("size", [(1, 1), (37, 211), (1999, 3)])
def test_pictures_by_kind_and_size(name: str, size: tuple[int, int]) -> None:
    kind, options, content_type = WRITTEN[name]
    found = sniff(picture(kind, size, **options), MANY)
    assert (found.content_type, found.width, found.height) == (content_type, *size)
    assert found.extension == content_type.removeprefix("image/").replace("jpeg", "jpg")


def test_an_animated_gif_and_webp() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        found = sniff(out.getvalue(), MANY)
        assert (found.width, found.height) == (20, 10)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a JPEG, PNG, WebP or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
        (b"<html>", "not a JPEG"),
        (b"BM" + bytes(60), "not a JPEG"),
        (b"%PDF-1.7", "not a JPEG"),
        (b"\x00\x00\x00\x20ftypavif", "not a JPEG"),
        (picture("PNG")[:18], "cut short"),
        (picture("JPEG")[:30], "cut short"),
        (picture("WEBP")[:24], "no size|cut short"),
        (picture("PNG")[:16] + bytes(20), "no size"),
        (b"\xff\xd8\xff\xda" + bytes(20), "no size"),
    ],
)
def test_what_is_no_picture(content: bytes, message: str) -> None:
    with pytest.raises(Permanent, match=message):
        sniff(content, MANY)


def test_a_picture_with_too_many_pixels() -> None:
    assert sniff(picture(size=(100, 100)), 10_000).width == 100
    with pytest.raises(Permanent, match="more than 9999 pixels"):
        sniff(picture(size=(100, 100)), 9_999)


@given(
    st.sampled_from([b"", *(picture(kind)[:12] for kind in ("PNG", "GIF", "JPEG", "WEBP"))]), st.binary(max_size=200)
)
@example(b"\xff\xd8\xff", b"\xff" * 100)
def test_any_bytes_are_a_picture_or_refused(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(Permanent):
        assert isinstance(sniff(start + rest, MANY), Picture)
