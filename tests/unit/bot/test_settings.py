"""The bot's settings: defaults that work with a token alone, faults that name the variable."""

import pytest

from bot.settings import BotSettings
from common.settings import SettingsError

TOKEN = {"BOT_TOKEN": "42:abcDEF"}


def load(**given: str) -> BotSettings:
    return BotSettings.load(TOKEN | {f"CHATTRAIL_BOT_{name.upper()}": value for name, value in given.items()})


def test_a_token_is_enough() -> None:
    settings = load()
    assert settings.telegram_api_url is None
    assert settings.admin_ids == frozenset()
    assert str(settings.web_url) == "http://127.0.0.1:8000/"


def test_no_secret_shows_in_a_printout() -> None:
    given = {"ai_key": "sk-secret", "web_token": "web-secret", "redis_url": "redis://:redis-secret@h/0"}
    settings = load(**given)
    printed = f"{settings!r} {settings}"
    assert not [value for value in (*given.values(), "abcDEF", "redis-secret") if value in printed]
    assert {"42:abcDEF", "sk-secret", "web-secret"} <= set(settings.secrets)


def test_admin_ids_are_a_comma_list() -> None:
    assert load(admin_ids="1, 22,333,").admin_ids == {1, 22, 333}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"BOT_TOKEN": ""}, "BOT_TOKEN"),
        ({"BOT_TOKEN": "nonsense"}, "@BotFather"),
        ({"CHATTRAIL_BOT_ADMIN_IDS": "1;2"}, "CHATTRAIL_BOT_ADMIN_IDS: must be numbers"),
        ({"CHATTRAIL_BOT_AI_TIMEOUT": "0"}, "CHATTRAIL_BOT_AI_TIMEOUT"),
        ({"CHATTRAIL_BOT_AI_BASE_URL": "localhost"}, "CHATTRAIL_BOT_AI_BASE_URL"),
        ({"CHATTRAIL_BOT_PICTURE_SIZE": "big"}, "CHATTRAIL_BOT_PICTURE_SIZE"),
        ({"CHATTRAIL_BOT_AI_KEYY": "x"}, "did you mean CHATTRAIL_BOT_AI_KEY?"),
        ({"CHATTRAIL_BOT_WEBHOOK_URL": "http://example.org"}, "must be https"),
        ({"CHATTRAIL_BOT_WEBHOOK_URL": "https://example.org"}, "CHATTRAIL_BOT_WEBHOOK_SECRET is needed"),
        (
            {"CHATTRAIL_BOT_WEBHOOK_URL": "https://example.org", "CHATTRAIL_BOT_WEBHOOK_SECRET": "päss wort 123456789"},
            "CHATTRAIL_BOT_WEBHOOK_SECRET is needed",
        ),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        BotSettings.load(TOKEN | given)
    assert words in str(error.value)
    assert "päss" not in str(error.value)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in BotSettings.model_fields.values())
