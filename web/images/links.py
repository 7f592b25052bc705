"""Links to images in other stores: signed here, short-lived, made for each request and stored nowhere.

Cloudflare: https://developers.cloudflare.com/images/manage-images/serve-images/serve-private-images/
S3: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, by obstore.
"""

import hashlib
import hmac
import logging
import re
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from common.s3 import open_bucket
from web.errors import ProblemError
from web.images.settings import ImageStoreSettings

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger("web.images")
Size = Literal["full", "thumbnail"]
SIZES: tuple[Size, ...] = ("full", "thumbnail")
# keys come from a database: they must not name anything else that the same signature opens
_CLOUDFLARE_ID = re.compile(r"[A-Za-z0-9-]{1,99}\Z")
_S3_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]{3,4}\Z")


# what shows the images of a store: its setting, and the variables to name where it is not set
_STORES = {
    "directory": ("images_directory", "CHATTRAIL_WEB_IMAGES_DIRECTORY"),
    "cloudflare_images": (
        "cloudflare_signing_key",
        "CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH and CHATTRAIL_WEB_CLOUDFLARE_SIGNING_KEY",
    ),
    "s3": ("s3_bucket", "CHATTRAIL_WEB_S3_BUCKET"),
}


class ImageLinks:
    """Signs links with the settings' keys. The S3 client is made at the first link, so after a fork.

    `keep_s`: how many seconds a browser may cache an image that a link opened.
    """

    def __init__(self, settings: ImageStoreSettings) -> None:
        self._settings = settings
        self.keep_s = settings.images_link_s // 2

    @property
    def origins(self) -> tuple[str, ...]:
        """Where links lead, as a Content-Security-Policy names it: only what is configured."""
        if self._settings.cloudflare_signing_key is None:
            return self.media_origins
        return _origin(self._settings.cloudflare_delivery_url), *self.media_origins

    @property
    def media_origins(self) -> tuple[str, ...]:
        """The same for sound and film, which Cloudflare Images does not take."""
        settings = self._settings
        return () if settings.s3_bucket is None else (_origin(settings.s3_endpoint or self._aws()),)

    @property
    def stores(self) -> frozenset[str]:
        """Names of the stores whose images can be shown."""
        return frozenset(store for store, (name, _) in _STORES.items() if getattr(self._settings, name) is not None)

    def cloudflare(self, image_id: str, size: Size, now: datetime) -> str:
        """Sign a link to a variant of a private image. Raises ProblemError.

        Links of one half of the lifetime are the same, so that a browser finds the image in its cache.
        """
        settings = self._settings
        if settings.cloudflare_account_hash is None or settings.cloudflare_signing_key is None:
            raise ProblemError(404, missing_setting("cloudflare_images"))
        if not _CLOUDFLARE_ID.match(image_id):
            raise ProblemError(404, "The key of this picture is none that Cloudflare gives.")
        variant = settings.cloudflare_variant
        if size == "thumbnail" and settings.cloudflare_thumbnail_variant is not None:
            variant = settings.cloudflare_thumbnail_variant
        expires = (int(now.timestamp()) // self.keep_s + 2) * self.keep_s
        address = (
            f"{settings.cloudflare_delivery_url.rstrip('/')}/{settings.cloudflare_account_hash}/{image_id}/{variant}"
        )
        signed = f"{urlsplit(address).path}?exp={expires}"
        key = settings.cloudflare_signing_key.get_secret_value().encode()
        signature = hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
        return f"{address}?exp={expires}&sig={signature}"

    def s3(self, key: str) -> str:
        """Presign a GET of an object. Raises ProblemError."""
        if self._settings.s3_bucket is None:
            raise ProblemError(404, missing_setting("s3"))
        if not _S3_KEY.match(key):
            raise ProblemError(404, "The key of this picture is none that the sidecar writes.")
        import obstore  # here, because most deployments have no S3
        from obstore.exceptions import BaseError

        try:
            return obstore.sign(self._bucket, "GET", key, timedelta(seconds=self._settings.images_link_s))
        except BaseError as error:  # its text may hold addresses
            log.error("a link to S3 cannot be signed: %s", type(error).__name__)
            raise ProblemError(
                404, "A link to S3 cannot be signed; check CHATTRAIL_WEB_S3_* and the AWS_* variables."
            ) from None

    @cached_property
    def _bucket(self) -> "S3Store":
        return open_bucket(self._settings, timeout=timedelta(seconds=5), retries=1)

    def _aws(self) -> str:
        host = f"s3.{self._settings.s3_region}.amazonaws.com"
        return f"https://{host}" if self._settings.s3_path_style else f"https://{self._settings.s3_bucket}.{host}"


def missing_setting(store: str) -> str:
    """The sentence that names the settings without which images of a store are not shown."""
    if store not in _STORES:
        return "This picture is kept in another store."
    return f"Pictures of the store {store} are shown when {_STORES[store][1]} is set."


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
