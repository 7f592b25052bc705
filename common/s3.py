"""Settings and client of the S3 bucket that the sidecar fills and the dashboard links to."""

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, SecretStr

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store  # S3Config exists in the type hints only

ADDRESS = r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$"


class BucketSettings(BaseModel):
    """The bucket's settings, for a part's own to inherit."""

    model_config = ConfigDict(frozen=True)

    s3_bucket: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,255}$",
        description="Bucket of the images, which must exist; unset: none are kept in or shown from S3.",
    )
    s3_prefix: str = Field(
        "", pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$", description="Folder in the bucket; empty: its root."
    )
    s3_endpoint: str | None = Field(
        None,
        pattern=ADDRESS,
        description="Address of the S3 service (R2, MinIO, …), the dashboard's as browsers reach it; unset: AWS, by region.",
    )
    s3_region: str = Field("us-east-1", pattern="^[A-Za-z0-9-]+$", description="Region; `auto` for R2.")
    s3_access_key_id: str | None = Field(
        None,
        description="Access key, the dashboard's of one that may get objects and nothing else; unset (with the secret):"
        " what the machine's role or AWS_* variables give.",
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_path_style: bool = Field(
        True, description="Bucket in the path; false: in the host name, which S3_ENDPOINT then holds."
    )

    def check_s3_keys(self, named: str) -> None:
        """Raise ValueError when one half of the access key is missing; `named` begins the variables' names."""
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError(f"{named}S3_ACCESS_KEY_ID and {named}S3_SECRET_ACCESS_KEY are set together or not at all")


def open_bucket(settings: BucketSettings, *, timeout: timedelta, retries: int) -> "S3Store":
    """Make the client, without I/O. Raises obstore's BaseError for settings that it can't take."""
    from obstore.store import S3Store  # here, because most deployments have no S3

    given: S3Config = {
        "region": settings.s3_region,
        "virtual_hosted_style_request": not settings.s3_path_style,
        "disable_bulk_delete": True,  # a plain DELETE is understood by every service
    }
    if settings.s3_endpoint is not None:
        given["endpoint"] = settings.s3_endpoint
    if settings.s3_access_key_id is not None and settings.s3_secret_access_key is not None:
        given["access_key_id"] = settings.s3_access_key_id
        given["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
    return S3Store(
        settings.s3_bucket,
        prefix=settings.s3_prefix or None,
        config=given,
        client_options={
            "allow_http": (settings.s3_endpoint or "").startswith("http:"),
            "timeout": timeout,
            "connect_timeout": timeout,
        },
        retry_config={"max_retries": retries, "retry_timeout": timeout},
    )
