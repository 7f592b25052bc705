"""Links to images elsewhere: signed as the documentation says, short-lived, only for keys that stores give."""

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from common.settings import SettingsError
from tests.support.clock import FakeClock
from tests.support.web_support import make_app, web_environment
from web.errors import ProblemError
from web.images.links import ImageLinks
from web.settings import WebSettings

NOW = datetime(2026, 11, 22, 16, 1, 17, tzinfo=UTC)
IMAGE = "083eb7b2-5392-4565-b69e-aff66acddd00"
OBJECT = f"ab/cd/{'ab' * 32}.jpg"
CLOUDFLARE = {"cloudflare_account_hash": "ZWd9g1K7eljCn_KDTu_MWA", "cloudflare_signing_key": "signing-CANARY"}
S3 = {"s3_bucket": "pictures", "s3_access_key_id": "reader", "s3_secret_access_key": "secret-CANARY"}


def links(**changes: str) -> ImageLinks:
    return ImageLinks(WebSettings.load(web_environment(Path("web"), **changes)))


def test_a_cloudflare_link_is_signed_over_path_and_query() -> None:
    address = links(**CLOUDFLARE).cloudflare(IMAGE, "full", NOW)
    # the documented recipe, step by step: exp into the query, HMAC-SHA256 of pathname + "?" + query in hex, sig behind it
    plain, _, sig = address.rpartition("&sig=")
    assert plain.startswith(f"https://imagedelivery.net/ZWd9g1K7eljCn_KDTu_MWA/{IMAGE}/public?exp=")
    pathname_and_query = plain.removeprefix("https://imagedelivery.net")
    assert sig == hmac.digest(b"signing-CANARY", pathname_and_query.encode(), "sha256").hex()
    assert hashlib.sha256().block_size == 64  # so a key of this length is used as it is
    assert "CANARY" not in address


@pytest.mark.parametrize("second", [0, 1, 119, 120, 149, 150, 299, 300, 301])
def test_a_link_outlives_the_redirect_and_not_its_lifetime(second: int) -> None:
    signer = links(**CLOUDFLARE, images_link_s="300")
    now = datetime.fromtimestamp(1_790_000_100 + second, UTC)
    address = signer.cloudflare(IMAGE, "full", now)
    left = int(parse_qs(urlsplit(address).query)["exp"][0]) - now.timestamp()
    assert signer.keep_s < left <= 300 or (signer.keep_s == left == 150)


def test_links_of_one_moment_are_the_same_and_of_another_are_not() -> None:
    signer = links(**CLOUDFLARE)
    start = datetime.fromtimestamp(1_790_000_100, UTC)
    addresses = [
        signer.cloudflare(IMAGE, "full", datetime.fromtimestamp(start.timestamp() + later, UTC))
        for later in (0, 149, 150)
    ]
    assert addresses[0] == addresses[1] != addresses[2]


def test_variants_and_address_are_the_settings() -> None:
    own = {"cloudflare_delivery_url": "https://bot.example/cdn-cgi/imagedelivery/", "cloudflare_variant": "large"}
    plain = links(**CLOUDFLARE, **own)
    both = links(**CLOUDFLARE, **own, cloudflare_thumbnail_variant="small")
    start = f"https://bot.example/cdn-cgi/imagedelivery/ZWd9g1K7eljCn_KDTu_MWA/{IMAGE}"
    for signer, size, variant in (
        (plain, "full", "large"),
        (plain, "thumbnail", "large"),
        (both, "full", "large"),
        (both, "thumbnail", "small"),
    ):
        address = signer.cloudflare(IMAGE, size, NOW)  # type: ignore[arg-type]
        assert address.startswith(f"{start}/{variant}?exp=")
        path = urlsplit(address).path
        signed, _, sig = urlsplit(address).query.partition("&sig=")
        assert sig == hmac.digest(b"signing-CANARY", f"{path}?{signed}".encode(), "sha256").hex()


@pytest.mark.parametrize("key", ["", "..", "a/b", "a?x=1", "a%2fb", "a\n", "é", "a" * 100])
def test_a_key_that_leads_elsewhere_is_not_signed(key: str) -> None:
    signer = links(**CLOUDFLARE, **S3)
    with pytest.raises(ProblemError, match="key of this picture"):
        signer.cloudflare(key, "full", NOW)
    with pytest.raises(ProblemError, match="key of this picture"):
        signer.s3(key)


def test_a_store_without_settings_names_them() -> None:
    with pytest.raises(ProblemError, match="CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH"):
        links().cloudflare(IMAGE, "full", NOW)
    with pytest.raises(ProblemError, match="CHATTRAIL_WEB_S3_BUCKET"):
        links().s3(OBJECT)
    assert links().stores == frozenset()
    assert links(**CLOUDFLARE, **S3, images_directory="x").stores == {"directory", "cloudflare_images", "s3"}


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com/pictures/ab/"),
        ({"s3_region": "eu-west-1", "s3_path_style": "false"}, "https://pictures.s3.eu-west-1.amazonaws.com/ab/"),
        ({"s3_endpoint": "https://a1.r2.example", "s3_region": "auto"}, "https://a1.r2.example/pictures/ab/"),
        ({"s3_endpoint": "https://b.s3.example", "s3_path_style": "false"}, "https://b.s3.example/ab/"),
        ({"s3_endpoint": "http://127.0.0.1:9", "s3_prefix": "chat/x"}, "http://127.0.0.1:9/pictures/chat/x/ab/"),
    ],
)
def test_an_s3_link_leads_to_the_origin_that_the_policy_allows(given: dict[str, str], start: str) -> None:
    signer = links(**S3, **given)
    link = signer.s3(OBJECT)
    assert link.startswith(start)
    (origin,) = signer.origins
    assert link.startswith(f"{origin}/")
    asked = parse_qs(urlsplit(link).query)
    assert asked["X-Amz-Expires"] == ["300"]
    assert signer.keep_s < 300
    assert "CANARY" not in link


def test_the_policy_grows_by_what_is_configured_and_nothing_else(tmp_path: Path) -> None:
    def images(**changes: str) -> str:
        policy = (
            make_app(tmp_path, clock=FakeClock(), **changes)
            .test_client()
            .get("/healthz")
            .headers["Content-Security-Policy"]
        )
        (found,) = [part for part in policy.split("; ") if part.startswith("img-src ")]
        assert policy.count("imagedelivery.net") == found.count("imagedelivery.net")
        (media,) = [part for part in policy.split("; ") if part.startswith("media-src ")]
        assert media == "media-src 'self'" + (" https://s3.example:9000" if "s3_endpoint" in changes else "")
        return found.removeprefix("img-src ")

    assert images() == "'self' data:"
    assert images(cloudflare_delivery_url="https://unused.example") == "'self' data:"
    assert images(**CLOUDFLARE) == "'self' data: https://imagedelivery.net"
    both = images(**CLOUDFLARE, **S3, s3_endpoint="https://s3.example:9000/path")
    assert both == "'self' data: https://imagedelivery.net https://s3.example:9000"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cloudflare_account_hash": "abc"}, "_CLOUDFLARE_ACCOUNT_HASH and CHATTRAIL_WEB_CLOUDFLARE_SIGNING_KEY"),
        ({"cloudflare_signing_key": "CANARY"}, "are set together or not at all"),
        ({**CLOUDFLARE, "cloudflare_account_hash": "a/b"}, "CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH: "),
        ({"cloudflare_variant": "a b"}, "CHATTRAIL_WEB_CLOUDFLARE_VARIANT: "),
        ({"cloudflare_thumbnail_variant": "../x"}, "CHATTRAIL_WEB_CLOUDFLARE_THUMBNAIL_VARIANT: "),
        ({"cloudflare_delivery_url": "imagedelivery.net"}, "CHATTRAIL_WEB_CLOUDFLARE_DELIVERY_URL: "),
        ({"cloudflare_delivery_url": "http://cdn.example"}, "CLOUDFLARE_DELIVERY_URL is http to another machine"),
        ({"images_link_s": "59"}, "CHATTRAIL_WEB_IMAGES_LINK_S: "),
        ({**S3, "s3_endpoint": "http://minio:9000"}, "S3_ENDPOINT is http to another machine"),
        ({"s3_endpoint": "https://s3.example"}, "CHATTRAIL_WEB_S3_BUCKET is missing"),
        ({"s3_bucket": "b", "s3_access_key_id": "k"}, "S3_SECRET_ACCESS_KEY are set together"),
        ({"s3_bucket": "b/c"}, "CHATTRAIL_WEB_S3_BUCKET: "),
    ],
)
def test_wrong_settings_are_named(given: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        links(**given)
    assert says in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_secrets_do_not_show() -> None:
    settings = WebSettings.load(web_environment(Path("web"), **CLOUDFLARE, **S3))
    assert "CANARY" not in f"{settings!r}{settings}{settings.model_dump_json()}"
