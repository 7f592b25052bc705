"""Wrong settings: each message names its variable and says what to do; right ones load."""

from pathlib import Path

import pytest

from common.settings import SettingsError
from web.auth.passwords import hash_password
from web.settings import WebSettings

GOOD = {
    "CHATTRAIL_WEB_CLICKHOUSE_URL": "http://readonly:pw@127.0.0.1:8123/chattrail",
    "CHATTRAIL_WEB_SECRET_KEY": "k3y-of-the-tests-0123456789abcdefghij",
}


def test_defaults_are_safe() -> None:
    settings = WebSettings.load(GOOD)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.password_hash is None
    assert settings.api_token_hashes == ()
    assert settings.data == Path("data/web")
    assert "pw" not in repr(settings)


def test_a_full_set_loads() -> None:
    settings = WebSettings.load(
        {
            **GOOD,
            "CHATTRAIL_WEB_HOST": "0.0.0.0",
            "CHATTRAIL_WEB_PUBLIC_URL": "https://Stats.example.org/",
            "CHATTRAIL_WEB_INTERNAL_HOSTS": "Web, chattrail-web",
            "CHATTRAIL_WEB_PASSWORD_HASH": hash_password("correct horse battery"),
            "CHATTRAIL_WEB_API_TOKEN_HASHES": f"{'A' * 64}, {'0' * 64},",
            "CHATTRAIL_WEB_TIMEZONE": "Asia/Kathmandu",
        }
    )
    assert settings.public_url == "https://Stats.example.org"
    assert settings.api_token_hashes == ("a" * 64, "0" * 64)
    assert settings.secure
    assert settings.trusted_hosts == ("stats.example.org", "web", "chattrail-web")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CLICKHOUSE_URL", "", "required"),
        ("CLICKHOUSE_URL", "clickhouse://127.0.0.1:9000/chattrail", "http://user:password@127.0.0.1:8123/chattrail"),
        ("CLICKHOUSE_URL", "http://127.0.0.1/chattrail", "the port is needed"),
        ("CLICKHOUSE_URL", "http://127.0.0.1:99999/chattrail", "the port is needed"),
        ("CLICKHOUSE_URL", "http://127.0.0.1:8123", "name the database"),
        ("SECRET_KEY", "", "required"),
        ("SECRET_KEY", "hunter2", "token_urlsafe"),
        ("SECRET_KEY", "a" * 64, "token_urlsafe"),
        ("PASSWORD_HASH", "hunter2hunter2", "python -m web hash-password"),
        ("PASSWORD_HASH", "$2b$12$abcdefghijklmnopqrstuv", "python -m web hash-password"),
        ("API_TOKEN_HASHES", f"{'a' * 64},secret-token", "python -m web token"),
        ("PRICES", "/no/such/prices.toml", "/no/such/prices.toml can't be read"),
        ("TIMEZONE", "Europe/Atlantis", "Europe/Berlin"),
        ("TIMEZONE", "../../etc/passwd", "Europe/Berlin"),
        ("INTERNAL_HOSTS", "http://web:8000", "without scheme and port"),
        ("PUBLIC_URL", "stats.example.org", "https://stats.example.org"),
        ("PUBLIC_URL", "https://stats.example.org/path", "no path"),
        ("PORT", "http", "integer"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("TIMEZOME", "UTC", "did you mean CHATTRAIL_WEB_TIMEZONE?"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(variable: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        WebSettings.load({**GOOD, f"CHATTRAIL_WEB_{variable}": value})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"CHATTRAIL_WEB_{variable}: ")
    assert says in line
    if variable in ("SECRET_KEY", "PASSWORD_HASH", "API_TOKEN_HASHES") and value:
        assert value not in line, "a secret must not be repeated in an error"


def test_an_open_address_needs_to_be_told_its_name() -> None:
    with pytest.raises(SettingsError, match="set CHATTRAIL_WEB_PUBLIC_URL"):
        WebSettings.load({**GOOD, "CHATTRAIL_WEB_HOST": "0.0.0.0"})
