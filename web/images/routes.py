"""GET /images/{event_id}: the image of an event, behind the login.

A file of the shared directory is served from here: only what the `images` table names, only from inside the directory,
only as one of four raster types; the browser must ask again each time, so a logout or an erasure takes effect at once.
An image at Cloudflare or in S3 is answered with a redirect to a link that is signed now and works for minutes.
`size=thumbnail` asks for the small variant where the store makes one. The directory has none: scaling would decode
unknown bytes in this process, for which the sidecar has a child process, and images of chats are small.
"""

from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, request, send_file

from web.analytics.models import StoredImage
from web.context import services
from web.errors import ImageLinkError, ParameterError, ProblemError
from web.images.links import SIZES, Link, Size, missing_setting

blueprint = Blueprint("images", __name__)
CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


@blueprint.get("/images/<uuid:event_id>")
def image(event_id: UUID) -> Response:
    """The bytes of the image of an event, or a redirect to them."""
    size = _size()
    found = services.trails.image(event_id)
    if found is None:
        raise ProblemError(404, "This event has no picture.")
    if found.status == "erased":
        raise ProblemError(410, "This picture was erased.")
    if found.status != "stored":
        raise ProblemError(
            404, "This picture is not stored yet." if found.status == "pending" else "This picture failed."
        )
    if found.content_type not in CONTENT_TYPES:
        raise ProblemError(404, "This is no picture of a type that is shown.")
    if found.store == "directory":
        response = _file(found)
        response.headers["Cache-Control"] = "private, no-cache"
    else:
        response = _redirect(_link(found, size))
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _size() -> Size:
    size = request.args.get("size", "full")
    if size not in SIZES:
        raise ParameterError("size", f"must be one of {', '.join(SIZES)}")
    return size


def _link(found: StoredImage, size: Size) -> Link:
    try:
        if found.store == "cloudflare_images":
            return services.image_links.cloudflare(found.key, size, services.now())
        if found.store == "s3":
            return services.image_links.s3(found.key)
    except ImageLinkError as error:
        raise ProblemError(404, str(error)) from None
    raise ProblemError(404, missing_setting(found.store))


def _redirect(link: Link) -> Response:
    """302 with an empty body: the link stands in the Location header and nowhere else."""
    response = Response(status=302)
    response.headers["Location"] = link.address
    # kept for less time than the link works, and not beyond a logout, which changes the cookie
    response.headers["Cache-Control"] = f"private, max-age={link.keep_s}"
    response.headers["Vary"] = "Cookie"
    return response


def _file(found: StoredImage) -> Response:
    response = send_file(
        _locate(found.key), mimetype=found.content_type, etag=found.sha256 or True, conditional=True, max_age=None
    )
    response.headers["Content-Disposition"] = "inline"
    return response


def _locate(key: str) -> Path:
    directory = services.settings.images_directory
    if directory is None:
        raise ProblemError(404, missing_setting("directory"))
    root = directory.resolve()
    path = (root / key).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise ProblemError(404, "The file of this picture is missing in CHATTRAIL_WEB_IMAGES_DIRECTORY.")
    return path
