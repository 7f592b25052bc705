"""The store's settings say at start what is missing, and never show a secret."""

from pathlib import Path

import pytest

from common.settings import SettingsError
from sidecar.plugins.images.settings import ImagesSettings

NAMED = "CHATTRAIL_SIDECAR_IMAGES_"
CLOUDFLARE = {"STORE": "cloudflare_images", "CLOUDFLARE_ACCOUNT_ID": "0" * 32, "CLOUDFLARE_API_TOKEN": "CANARY"}
S3 = {"STORE": "s3", "S3_BUCKET": "b", "S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "CANARY"}


def load(**given: str) -> ImagesSettings:
    return ImagesSettings.load({f"{NAMED}{name}": value for name, value in given.items()})


def test_what_each_store_needs() -> None:
    assert (load().store, load().directory) == ("directory", Path("data/images"))
    for given in (CLOUDFLARE, S3, {"STORE": "s3", "S3_BUCKET": "b"}):
        assert "CANARY" not in repr(load(**given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**CLOUDFLARE, "CLOUDFLARE_API_TOKEN": ""}, "CLOUDFLARE_API_TOKEN"),
        ({**CLOUDFLARE, "CLOUDFLARE_ACCOUNT_ID": ""}, "CLOUDFLARE_ACCOUNT_ID"),
        ({**CLOUDFLARE, "CLOUDFLARE_ACCOUNT_ID": "my account"}, "CLOUDFLARE_ACCOUNT_ID"),
        ({**CLOUDFLARE, "CLOUDFLARE_API_URL": "http://192.0.2.1/client/v4"}, "in the clear"),
        ({**S3, "S3_BUCKET": ""}, "S3_BUCKET"),
        ({**S3, "S3_SECRET_ACCESS_KEY": ""}, "together or not at all"),
        ({**S3, "S3_PREFIX": "../elsewhere/"}, "S3_PREFIX"),
        ({"STORE": "shoebox"}, "STORE"),
        ({**CLOUDFLARE, "FILES_MAX_BYTES": "1000"}, "cloudflare_images takes images only"),
        ({"TELEGRAM_TOKENS": "42:CANARY, CANARY"}, "TELEGRAM_TOKENS: number 2 is no bot's token"),
        ({"TELEGRAM_TOKENS": "42:CANARY,"}, "TELEGRAM_TOKENS: number 2"),
        ({"TELEGRAM_TOKENS": "42:CANARY,42:CANARY2"}, "TELEGRAM_TOKENS: number 2 is a second token of one bot"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        load(**given)
    assert "CANARY" not in str(error.value)


def test_a_token_says_whose_it_is() -> None:
    both = load(TELEGRAM_TOKENS="42:CANARY-a_1, 43:CANARY-b", TELEGRAM_TOKEN="44:CANARY")
    assert both.bot_tokens == {"42": "42:CANARY-a_1", "43": "43:CANARY-b", "44": "44:CANARY"}
    assert "CANARY" not in repr(both)
    assert load(TELEGRAM_TOKEN="other").bot_tokens == {"": "other"}
    assert load().bot_tokens == {}
