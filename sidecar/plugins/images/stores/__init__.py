"""The stores that images can be kept in, by the name that CHATTRAIL_SIDECAR_IMAGES_STORE has."""

from sidecar.plugin import Context
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import DirectoryStore, Store


def build_store(config: ImagesSettings, context: Context) -> Store:
    """Make the chosen store, without I/O. Only its own client is loaded."""
    if config.store == "cloudflare_images":
        from sidecar.plugins.images.stores.cloudflare import PERIOD_S, CloudflareStore
        from sidecar.plugins.images.stores.rate_limiter import RateLimiter

        path, limit = context.data_directory / "cloudflare-requests", config.cloudflare_requests
        limiter = RateLimiter(path, context.clock, limit=limit, period_s=PERIOD_S) if limit else None
        return CloudflareStore(config, limiter)
    if config.store == "s3":
        from sidecar.plugins.images.stores.s3 import BucketStore

        return BucketStore(config)
    return DirectoryStore(config.directory)
