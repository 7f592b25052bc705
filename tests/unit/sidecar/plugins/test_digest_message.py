"""The words of a digest, and the settings that say when and from where."""

from datetime import date
from typing import Any

import pytest

from common.settings import SettingsError
from sidecar.plugins.telegram_digest.message import digest
from sidecar.plugins.telegram_digest.settings import TelegramDigestSettings

DAY = date(2026, 11, 28)
GIVEN = {"TOKEN": "42:x", "CHAT_ID": "1", "WEB_TOKEN": "ct_x"}


def stats(**changes: Any) -> dict[str, Any]:
    names = ("people", "new_people", "messages", "answers", "pictures")
    return {
        "figures": {name: {"value": 0, "previous": 0} for name in names} | changes.pop("figures", {}),
        "premium": {"payments": 0, "revenue": []},
        "ai": {"failures": 0},
        "blocks": {"blocked": 0},
        "failures": 0,
        "delivery": {"dropped": 0},
        **changes,
    }


def figure(value: float, previous: float | None) -> dict[str, Any]:
    return {"value": value, "previous": previous}


def test_a_day_without_anything_says_so() -> None:
    assert digest(stats(), DAY, "en", None) == "Chattrail, 2026-11-28\nNobody did anything."
    assert digest(stats(), DAY, "ru", None) == "Chattrail, 28.11.2026\nНикто ничего не делал."


def test_changes_losses_and_unlike_currencies() -> None:
    given = stats(
        figures={
            "people": figure(1234, 1000), "messages": figure(0, 40), "answers": figure(50, 1), "pictures": figure(7, None),
        },
        premium={
            "payments": 3,
            "revenue": [
                {"currency": "USD", "amount": 12.5, "minor_digits": 2},
                {"currency": "XTR", "amount": 1500, "minor_digits": 0},
                {"currency": "EUR", "amount": 0, "minor_digits": 2},
            ],
        },
        ai={"failures": 2}, blocks={"blocked": 4}, failures=1, delivery={"dropped": 9},
    )  # fmt: skip
    assert digest(given, DAY, "ru", "https://a/b").splitlines() == [
        "Chattrail, 28.11.2026",
        "Люди: 1\u00a0234 (+23%)",
        "Сообщения: 0 (−100%)",
        "Ответы ИИ: 50 (> +999%)",
        "Картинки: 7",
        "Платежи: 3",
        "Выручка: 12,50\u00a0USD, 1\u00a0500\u00a0★",
        "Неудачные ответы: 2",
        "Заблокировали бота: 4",
        "Ошибки в боте: 1",
        "Потерянные события: 9",
        "https://a/b",
    ]
    assert "Revenue: 12.50\u00a0USD, 1,500\u00a0★" in digest(given, DAY, "en", None)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AT", "25:00", "time of day such as 09:00"),
        ("AT", "09:00+02:00", "time of day such as 09:00"),
        ("TIMEZONE", "Moon/Base", "no time zone 'Moon/Base'"),
        ("WEB_URL", "http://10.0.0.5:8000", "must be https"),
        ("LANGUAGE", "fr", "'en' or 'ru'"),
    ],
)
def test_wrong_settings_are_named(name: str, value: str, said: str) -> None:
    environ = {f"CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_{key}": text for key, text in (GIVEN | {name: value}).items()}
    with pytest.raises(SettingsError, match=said):
        TelegramDigestSettings.load(environ)


def test_a_network_of_ones_own_may_be_plain() -> None:
    given = GIVEN | {"WEB_URL": "http://web:8000", "ALLOW_HTTP": "true"}
    environ = {f"CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_{key}": text for key, text in given.items()}
    assert TelegramDigestSettings.load(environ).web_url == "http://web:8000"
