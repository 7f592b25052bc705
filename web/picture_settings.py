"""Settings of where pages get pictures from: the stores that the sidecar keeps them in, as far as pages have to know."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ADDRESS = r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$"
_VARIANT = "^[A-Za-z0-9_-]{1,99}$"


class PictureSettings(BaseModel):
    """Stores that pages can show pictures of, for `WebSettings` to inherit. A store without settings shows none."""

    model_config = ConfigDict(frozen=True)

    images_directory: Path | None = Field(
        None, description="Directory where the sidecar stores pictures; unset: none of that store is shown."
    )
    images_link_s: int = Field(
        300,
        ge=60,
        le=86_400,
        description="Seconds that a signed link to a picture at Cloudflare or in S3 works, for whoever holds it.",
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
        pattern=_ADDRESS,
        description="Address before the account hash; for a domain of yours https://example.com/cdn-cgi/imagedelivery.",
    )

    s3_bucket: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,255}$",
        description="Bucket that pictures are in; unset: none of that store is shown.",
    )
    s3_prefix: str = Field(
        "", pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$", description="Folder in the bucket; empty: its root."
    )
    s3_endpoint: str | None = Field(
        None, pattern=_ADDRESS, description="Address of the S3 service as browsers reach it; unset: AWS, by region."
    )
    s3_region: str = Field("us-east-1", pattern="^[A-Za-z0-9-]+$", description="Region; `auto` for R2.")
    s3_access_key_id: str | None = Field(
        None, description="Access key, of one that may get objects and nothing else; unset (with the secret): AWS_*."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_path_style: bool = Field(
        True, description="Bucket in the path; false: in the host name, which S3_ENDPOINT then holds."
    )

    @model_validator(mode="after")
    def _has_what_each_store_needs(self) -> Self:
        named = "CHATTRAIL_WEB_"
        if (self.cloudflare_account_hash is None) != (self.cloudflare_signing_key is None):
            raise ValueError(
                f"{named}CLOUDFLARE_ACCOUNT_HASH and {named}CLOUDFLARE_SIGNING_KEY are set together or not at all"
            )
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError(f"{named}S3_ACCESS_KEY_ID and {named}S3_SECRET_ACCESS_KEY are set together or not at all")
        if self.s3_bucket is None and (self.s3_endpoint is not None or self.s3_access_key_id is not None):
            raise ValueError(f"{named}S3_BUCKET is missing beside the other {named}S3_ settings")
        for name in ("cloudflare_delivery_url", "s3_endpoint"):
            address = urlsplit(getattr(self, name) or "")
            if address.scheme == "http" and address.hostname not in LOOPBACK:
                raise ValueError(f"{named}{name.upper()} is http to another machine: pictures would go in the clear")
        return self
