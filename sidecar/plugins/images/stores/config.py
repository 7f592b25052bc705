"""Settings of the stores, part of the image archiver's: which one, and what it needs to be reached."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from common.net import is_loopback
from common.s3 import ADDRESS, BucketSettings


class StoreSettings(BucketSettings):
    """Where images are kept, for `ImagesConfig` to inherit. Only the chosen store's settings are looked at."""

    store: Literal["directory", "cloudflare_images", "s3"] = Field(
        "directory", description="Where images are kept: `directory`, `cloudflare_images` or `s3`."
    )
    store_timeout_s: float = Field(60.0, gt=0, description="Seconds for one request to `cloudflare_images` or `s3`.")

    cloudflare_account_id: str | None = Field(
        None,
        pattern="^[0-9a-f]{32}$",
        description="Cloudflare's account id (32 hex digits, in the dashboard's address).",
    )
    cloudflare_api_token: SecretStr | None = Field(
        None, description="API token with the permission Cloudflare Images: Edit, and no other."
    )
    cloudflare_api_url: str = Field(
        "https://api.cloudflare.com/client/v4",
        pattern=ADDRESS,
        description="Base address of Cloudflare's API; http only for a simulated one on this machine.",
    )
    cloudflare_requests: int = Field(
        1150,
        ge=0,
        description="Requests in any 5 minutes; Cloudflare allows a user 1200, the dashboard's included. 0: no limit here.",
    )

    @model_validator(mode="after")
    def _has_what_the_store_needs(self) -> Self:
        named = "CHATTRAIL_SIDECAR_IMAGES_"
        if self.store == "cloudflare_images":
            if self.cloudflare_account_id is None or self.cloudflare_api_token is None:
                raise ValueError(
                    f"{named}STORE is cloudflare_images, which needs {named}CLOUDFLARE_ACCOUNT_ID and "
                    f"{named}CLOUDFLARE_API_TOKEN"
                )
            address = urlsplit(self.cloudflare_api_url)
            if address.scheme == "http" and not is_loopback(address.hostname or ""):
                raise ValueError(
                    f"{named}CLOUDFLARE_API_URL is http to another machine: the token would go in the clear"
                )
        if self.store == "s3":
            if self.s3_bucket is None:
                raise ValueError(f"{named}STORE is s3, which needs {named}S3_BUCKET")
            self.check_s3_keys(named)
        return self
