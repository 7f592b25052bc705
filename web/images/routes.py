"""GET /images/{event_id}: the image of an event, behind the login.

A file of the shared directory is served from here: only what the `images` table names, only from inside the directory,
only as a raster image, as sound or film, or as a file to be saved; the browser must ask again each time, so a logout or an
erasure takes effect at once.
An image at Cloudflare or in S3 is answered with a redirect to a link that is signed now and works for minutes.
`size=thumbnail` asks for the small variant where the store makes one. The directory has none: scaling would decode
unknown bytes in this process, for which the sidecar has a child process, and images of chats are small.
"""

from uuid import UUID

from flask import Blueprint, Response, request, send_file

from web.analytics.trail_models import StoredImage
from web.auth.access import reads_trails
from web.context import services
from web.errors import ParameterError, ProblemError
from web.images.links import SIZES, Size, missing_setting

blueprint = Blueprint("images", __name__)
OTHER = "application/octet-stream"
CONTENT_TYPES = frozenset(
    {
        "image/jpeg", "image/png", "image/webp", "image/gif",
        "audio/ogg", "audio/mpeg", "audio/mp4", "video/mp4", "video/webm", OTHER,
    }
)  # fmt: skip
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


@blueprint.get("/images/<uuid:event_id>")
@reads_trails
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
    response = _file(found) if found.store == "directory" else _redirect(found, size)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _size() -> Size:
    size = request.args.get("size", "full")
    if size not in SIZES:
        raise ParameterError("size", f"must be one of {', '.join(SIZES)}")
    return size


def _redirect(found: StoredImage, size: Size) -> Response:
    """302 with an empty body: the link stands in the Location header and nowhere else."""
    links = services.image_links
    if found.store not in ("cloudflare_images", "s3"):
        raise ProblemError(404, missing_setting(found.store))
    address = links.s3(found.key) if found.store == "s3" else links.cloudflare(found.key, size, services.now())
    response = Response(status=302)
    response.headers["Location"] = address
    # kept for less time than the link works, and not beyond a logout, which changes the cookie
    response.headers["Cache-Control"] = f"private, max-age={links.keep_s}"
    response.headers["Vary"] = "Cookie"
    return response


def _file(found: StoredImage) -> Response:
    directory = services.settings.images_directory
    if directory is None:
        raise ProblemError(404, missing_setting("directory"))
    root = directory.resolve()
    path = (root / found.key).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise ProblemError(404, "The file of this picture is missing in CHATTRAIL_WEB_IMAGES_DIRECTORY.")
    response = send_file(path, mimetype=found.content_type, etag=found.sha256 or True, conditional=True, max_age=None)
    response.headers["Content-Disposition"] = "attachment" if found.content_type == OTHER else "inline"
    response.headers["Cache-Control"] = "private, no-cache"
    return response
