"""Settings of the image stores that the sidecar writes to, as far as pages read them."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from common.net import is_unencrypted
from common.s3 import ADDRESS, BucketSettings

_VARIANT = "^[A-Za-z0-9_-]{1,99}$"


class ImageStoreSettings(BucketSettings):
    """Stores that pages can show images of, for `WebSettings` to inherit. A store without settings shows none."""

    images_directory: Path | None = Field(
        None, description="Directory where the sidecar stores pictures; unset: none of that store is shown."
    )
    images_link_s: int = Field(
        300,
        ge=60,
        le=86_400,
        description="Seconds that a signed link to a picture at Cloudflare or in S3 works, for everybody who has it.",
    )

    cloudflare_account_hash: str | None = Field(
        None,
        pattern="^[A-Za-z0-9_-]{1,99}$",
        description="Account hash of Cloudflare Images (dashboard, Hosted images); unset: none of that store is shown.",
    )
    cloudflare_signing_key: SecretStr | None = Field(
        None, description="Key that signs links to private pictures (Cloudflare's dashboard, Hosted images, Keys)."
    )
    cloudflare_variant: str = Field(
        "public", pattern=_VARIANT, description="Variant of a picture that is opened; every account has `public`."
    )
    cloudflare_thumbnail_variant: str | None = Field(
        None,
        pattern=_VARIANT,
        description="Variant of a picture in the trail, where it is 320 px wide; unset: the same as when it is opened.",
    )
    cloudflare_delivery_url: str = Field(
        "https://imagedelivery.net",
        pattern=ADDRESS,
        description="Address before the account hash; for a domain of yours https://example.com/cdn-cgi/imagedelivery.",
    )

    @model_validator(mode="after")
    def _has_what_each_store_needs(self) -> Self:
        named = "CHATTRAIL_WEB_"
        if (self.cloudflare_account_hash is None) != (self.cloudflare_signing_key is None):
            raise ValueError(
                f"{named}CLOUDFLARE_ACCOUNT_HASH and {named}CLOUDFLARE_SIGNING_KEY are set together or not at all"
            )
        self.check_s3_keys(named)
        if self.s3_bucket is None and (self.s3_endpoint is not None or self.s3_access_key_id is not None):
            raise ValueError(f"{named}S3_BUCKET is missing beside the other {named}S3_ settings")
        for name in ("cloudflare_delivery_url", "s3_endpoint"):
            if is_unencrypted(getattr(self, name)):
                raise ValueError(f"{named}{name.upper()} is http to another machine: pictures would go in the clear")
        return self
