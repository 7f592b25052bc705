#!/usr/bin/env bash
# pyexiv2 2.16.0 (PyPI, with libexiv2 inside): clear_xmp() on a WebP image leaves the XMP packet in the file.
#
# The same call on a JPEG and on a PNG removes it. On a WebP the "XMP " chunk is written again as it was, and exiv2 itself
# reads it from the new file. No call fails. A program that clears metadata before it publishes images publishes the XMP of
# each WebP (people, places, editing history). Found while looking for a replacement of
# sidecar/plugins/images/decode/containers.py (docs/adr/0029-image-plugin.md).
#
# Output seen:
#   JPEG: XMP read before: yes, in the file after clear_xmp(): no, read again: no
#   PNG: XMP read before: yes, in the file after clear_xmp(): no, read again: no
#   WEBP: XMP read before: yes, in the file after clear_xmp(): yes, read again: yes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyexiv2==2.16.0 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pyexiv2
from PIL import Image, PngImagePlugin

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' dc:source='SOURCE-OF-IT'/>"
    "</rdf:RDF></x:xmpmeta>"
)
texts = PngImagePlugin.PngInfo()
texts.add_itxt("XML:com.adobe.xmp", XMP)
options = {"JPEG": {"xmp": XMP.encode()}, "PNG": {"pnginfo": texts}, "WEBP": {"xmp": XMP.encode()}}
seen = {}
for kind, given in options.items():
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind, **given)
    with pyexiv2.ImageData(out.getvalue()) as image:
        before = bool(image.read_xmp())
        image.clear_xmp()
        cleared = image.get_bytes()
    with pyexiv2.ImageData(cleared) as image:
        again = bool(image.read_xmp())
    seen[kind] = before, b"SOURCE-OF-IT" in cleared, again
    read, left, found = ("yes" if value else "no" for value in seen[kind])
    print(f"{kind}: XMP read before: {read}, in the file after clear_xmp(): {left}, read again: {found}")
sys.exit(seen != {"JPEG": (True, False, False), "PNG": (True, False, False), "WEBP": (True, True, True)})
PYTHON
