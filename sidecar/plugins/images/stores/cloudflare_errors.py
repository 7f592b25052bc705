"""What Cloudflare's answers mean: try again, give this image up, or stop until the account is in order.

Sources: https://developers.cloudflare.com/api/resources/images/ (codes 54xx and 55xx),
https://developers.cloudflare.com/fundamentals/api/reference/limits (429).
"""

from collections.abc import Collection

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.stores.base import StorePausedError

BLOCKED_S = 300.0  # how long the API refuses everything after its limit was passed
ACCOUNT_S = 300.0  # between looks whether the owner has repaired the account

NOT_FOUND = frozenset({5404})
_CREDENTIALS = frozenset({5403, 6003, 6111, 9106, 9109, 10000, 10001})
_WRONG_ACCOUNT = frozenset({7000, 7003})
_PERMANENT = {
    5400: "Cloudflare calls the request bad",
    5401: "Cloudflare has no such variant",
    5413: "Cloudflare takes images of at most 10 MB",
    5415: "Cloudflare did not take the upload for a form",
    5455: "Cloudflare does not support the image's format",
}
_RETRYABLE = {
    5408: "Cloudflare found the upload too slow",
    5433: "Cloudflare says that the upload was aborted",
    5450: "Cloudflare had an error while it received the upload",
    5500: "Cloudflare has an internal error",
    5503: "Cloudflare Images is unavailable",
    5540: "Cloudflare had an error from its storage",
    5541: "Cloudflare had an error while it purged its cache",
    5542: "Cloudflare had an error while it loaded the account",
    5543: "Cloudflare had an error in its audit",
    5544: "Cloudflare had an error in its abuse check",
    5550: "Cloudflare has an internal error",
}


def refusal(status: int, codes: Collection[int], retry_after: str | None) -> Exception:
    """Return what to raise for an answer that is no success. What is not known is judged by its HTTP status."""
    said = f"{status}" + "".join(f", code {code}" for code in codes)
    after = _seconds(retry_after)
    if status == 429:
        return StorePausedError(
            f"Cloudflare's rate limit was passed ({said})", after=BLOCKED_S if after is None else after
        )
    if 5453 in codes:
        return StorePausedError(
            f"the Cloudflare account has reached a limit of its service ({said}): look at Images in its dashboard",
            after=ACCOUNT_S,
        )
    if not _CREDENTIALS.isdisjoint(codes) or status in (401, 403):
        return StorePausedError(
            f"Cloudflare refuses the credentials ({said}): check CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_API_TOKEN, which needs "
            "the permission Cloudflare Images: Edit, and CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_ACCOUNT_ID",
            after=ACCOUNT_S,
        )
    if not _WRONG_ACCOUNT.isdisjoint(codes):
        return StorePausedError(
            f"Cloudflare knows no such account ({said}): check CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_ACCOUNT_ID and _API_URL",
            after=ACCOUNT_S,
        )
    for code in codes:
        if code in _PERMANENT:
            return PermanentError(f"{_PERMANENT[code]} ({said})")
        if code in _RETRYABLE:
            return RetryableError(f"{_RETRYABLE[code]} ({said})", after=1.0 if after is None else after)
    if status in (413, 415):
        return PermanentError(f"Cloudflare does not take the image ({said})")
    # 404 and 409 included: what is missing or in the way is sorted out before the next try
    return RetryableError(f"Cloudflare answered {said}", after=1.0 if after is None else after)


def _seconds(retry_after: str | None) -> float | None:
    # the API documents seconds; a date would only come from something in between
    return float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None
