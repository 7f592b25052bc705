"""Metadata goes, pixels stay as they are to the last bit; Pillow decodes before and after, and is the witness."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sidecar.errors import PermanentError
from sidecar.plugins.images.decode.child import decode
from sidecar.plugins.images.decode.containers import strip
from sidecar.plugins.images.decode.limits import Limits
from tests.support.image_host import image_bytes
from tests.support.sample_images import CANARY, ICC, KINDS, XMP, chunk, full_of_metadata, segment

Frames = list[tuple[bytes, int | None]]


def frames_of(content: bytes) -> Frames:
    """Every frame's pixels as a viewer shows them, with its time."""
    found: Frames = []
    with Image.open(io.BytesIO(content)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            shown = ImageOps.exif_transpose(image)
            found.append((shown.convert("RGBA").tobytes() + str(shown.size).encode(), image.info.get("duration")))
    return found


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_stay_and_canaries_go(kind: str, lossless: bool, frames: int) -> None:
    before = full_of_metadata(kind, frames=frames, lossless=lossless)
    assert before.count(CANARY) >= 3
    found = decode(before, Limits())
    assert found.frames == (1 if kind == "JPEG" else frames)
    assert (found.width, found.height) == (200, 150)
    assert frames_of(found.content) == frames_of(before)
    for trace in (CANARY, b"Exif", b"tEXt", b"iTXt", b"zTXt", b"tIME", b"eXIf", b"xmp", b"XMP", b"8BIM"):
        assert trace not in found.content
    with Image.open(io.BytesIO(found.content)) as after, Image.open(io.BytesIO(before)) as whole:
        assert after.format == kind
        assert not after.getexif()
        for kept in ("icc_profile", "dpi", "loop", "adobe", "progressive", "gamma"):
            assert after.info.get(kept) == whole.info.get(kept), kept
        assert after.info.get("icc_profile") == (None if kind == "GIF" else ICC)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_image_stays_upright(kind: str, orientation: int) -> None:
    before = full_of_metadata(kind, orientation=orientation)
    found = strip(before)
    assert frames_of(found.content) == frames_of(before)
    with Image.open(io.BytesIO(found.content)) as after:
        assert dict(after.getexif()) == {0x0112: orientation}
        assert (found.width, found.height) == ImageOps.exif_transpose(after).size
    assert CANARY not in found.content


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_again_changes_nothing(kind: str) -> None:
    once = strip(full_of_metadata(kind, orientation=6, frames=3)).content
    assert strip(once).content == once
    assert strip(once + b"\n").content == once


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_colours_of_an_unusual_jpeg(mode: str) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(full_of_metadata("JPEG"))).convert(mode).save(out, "JPEG", comment=b"CANARY")
    assert frames_of(strip(out.getvalue()).content) == frames_of(out.getvalue())
    assert CANARY not in strip(out.getvalue()).content


def test_a_thumbnail_in_a_jpeg_goes() -> None:
    plain = image_bytes("JPEG")
    thumbnail = b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x02" + b"CANARY-THUMB"
    jfxx = b"JFXX\0\x10" + image_bytes("JPEG", (8, 8))
    mpf = b"MPF\0" + b"CANARY" * 4
    dressed = b"\xff\xd8" + segment(0xE0, thumbnail) + segment(0xE0, jfxx) + segment(0xE2, mpf) + plain[20:]
    assert strip(dressed).content == strip(plain).content


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_refused(kind: str) -> None:
    whole = image_bytes(kind)
    for length in range(len(whole)):
        with pytest.raises(PermanentError, match=r"cut short|broken|not a JPEG"):
            strip(whole[:length])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_pixels_that_are_missing_are_noticed_though_the_parts_fit(kind: str) -> None:
    whole = full_of_metadata(kind, lossless=True)
    if kind == "PNG":
        at = whole.index(b"IDAT")
        cut = whole[: at - 4] + chunk(b"IDAT", whole[at + 4 : at + 2000]) + chunk(b"IEND", b"")
    elif kind == "GIF":
        at = whole.index(b",", 13 + 768) + 11  # after the palette and the frame's header; whole sub-blocks follow
        cut = whole[: at + 10 * 256] + b"\0;"
    else:
        data = strip(whole).content
        at = data.index(b"VP8L")
        body = data[at + 8 : at + 2008]
        cut = data[:at] + b"VP8L" + len(body).to_bytes(4, "little") + body
        cut = cut[:4] + (len(cut) - 8).to_bytes(4, "little") + cut[8:]
    strip(cut)
    with pytest.raises(PermanentError, match="can't be decoded"):
        decode(cut, Limits())


@pytest.mark.parametrize("evil", [
    b"<html><script>alert(1)</script>", b"<!DOCTYPE html>", b"<svg onload=x>", b"%PDF-1.7 \n1 0 obj", b"<?php system()",
])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_polyglots_in_metadata_or_after_the_end_are_refused(kind: str, evil: bytes) -> None:
    with pytest.raises(PermanentError, match="a page, a script or a PDF as well"):
        strip(image_bytes(kind) + b"\n" + evil)
    if kind in ("JPEG", "GIF"):
        with pytest.raises(PermanentError, match="a page, a script or a PDF as well"):
            strip(image_bytes(kind, comment=evil))


@pytest.mark.parametrize(
    "evil", [b"PK\x03\x04", b"#!/bin/sh", b"MZ\x90", b"\x7fELF", b"x" * 99 + b"PK\x05\x06" + bytes(18)]
)
def test_archives_and_programs_after_the_end_are_refused(evil: bytes) -> None:
    with pytest.raises(PermanentError, match="an archive or a program as well"):
        strip(image_bytes("PNG") + evil)


def test_a_film_after_the_end_is_no_attack_and_goes() -> None:
    plain = strip(image_bytes("JPEG")).content
    assert strip(plain + b"\0\0\0\x18ftypmp42" + bytes(500)).content == plain
    assert strip(image_bytes("JPEG", xmp=XMP)).content == plain


@given(st.sampled_from(KINDS), st.data())
def test_any_damage_is_refused_or_harmless(kind: str, data: st.DataObject) -> None:
    content = bytearray(image_bytes(kind, (9, 7)))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PermanentError):
        found = decode(bytes(content), Limits(pixels=1_000_000))
        assert strip(found.content).content == found.content
