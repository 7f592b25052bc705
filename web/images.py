"""GET /images/{event_id}: a picture that the sidecar stored in the shared directory, behind the login.

Only what the `images` table names is served, only from inside the directory, only as one of four raster types. The
browser may keep it but must ask again each time, so a logout or an erasure takes effect at once.
"""

from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, send_file

from web.context import settings, store
from web.problem import Problem

blueprint = Blueprint("images", __name__)
CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


@blueprint.get("/images/<uuid:event_id>")
def image(event_id: UUID) -> Response:
    """The bytes of the picture of an event."""
    found = store().image(event_id)
    if found is None:
        raise Problem(404, "This event has no picture.")
    if found.status == "erased":
        raise Problem(410, "This picture was erased.")
    if found.status != "stored":
        raise Problem(404, "This picture is not stored yet." if found.status == "pending" else "This picture failed.")
    if found.store != "directory" or found.content_type not in CONTENT_TYPES:
        raise Problem(404, "This picture is kept in another store.")
    response = send_file(
        _locate(found.key), mimetype=found.content_type, etag=found.sha256 or True, conditional=True, max_age=None
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Content-Disposition"] = "inline"
    return response


def _locate(key: str) -> Path:
    directory = settings().images_directory
    if directory is None:
        raise Problem(404, "No picture is shown here: CHATTRAIL_WEB_IMAGES_DIRECTORY is not set.")
    root = directory.resolve()
    path = (root / key).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise Problem(404, "The file of this picture is missing in CHATTRAIL_WEB_IMAGES_DIRECTORY.")
    return path
