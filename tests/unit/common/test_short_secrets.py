"""Tokens and passwords that open a part of ours are not guessed in a few tries: short ones are refused at the start."""

from collections.abc import Mapping

import pytest

from bot.settings import BotSettings
from collector.settings import CollectorSettings
from common.settings import SECRET_MIN, Settings, SettingsError
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.plugins.webhook.settings import WebhookSettings
from sidecar.settings import SidecarSettings

GUARDS: list[tuple[type[Settings], str, Mapping[str, str]]] = [
    (SidecarSettings, "CHATTRAIL_SIDECAR_TOKEN", {}),
    (CollectorSettings, "CHATTRAIL_COLLECTOR_TOKEN", {}),
    (CollectorSettings, "CHATTRAIL_SIDECAR_TOKEN", {}),
    (EmbeddedSettings, "CHATTRAIL_EMBEDDED_PASSWORD", {}),
    (EmbeddedSettings, "CHATTRAIL_EMBEDDED_READONLY_PASSWORD", {}),
    (BotSettings, "CHATTRAIL_BOT_WEB_TOKEN", {"BOT_TOKEN": "42:abcDEF"}),
    (
        BotSettings,
        "CHATTRAIL_BOT_WEBHOOK_SECRET",
        {"BOT_TOKEN": "42:abcDEF", "CHATTRAIL_BOT_WEBHOOK_URL": "https://b.example"},
    ),
    (WebhookSettings, "CHATTRAIL_SIDECAR_WEBHOOK_SECRET", {"CHATTRAIL_SIDECAR_WEBHOOK_URL": "https://b.example"}),
]


@pytest.mark.parametrize(
    ("model", "variable", "others"), GUARDS, ids=[f"{model.prefix} {name}" for model, name, _ in GUARDS]
)
@pytest.mark.parametrize("secret", ["x", "x" * (SECRET_MIN - 1)])
def test_a_short_secret_is_refused_by_name(
    model: type[Settings], variable: str, others: Mapping[str, str], secret: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        model.load({**others, variable: secret})
    assert variable in str(caught.value)
    assert secret not in str(caught.value).replace(variable, "").split()
    loaded = model.load({**others, variable: "0123456789abcdef0123456789"})
    assert "0123456789abcdef" not in repr(loaded)
