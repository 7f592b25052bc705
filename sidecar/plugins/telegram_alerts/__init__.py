"""Tells an admin chat in Telegram when a rule over the stream of events holds."""

from sidecar.plugin import Context, Factory, Plugin
from sidecar.plugins.telegram_alerts.settings import TelegramAlertsSettings


def _build(config: TelegramAlertsSettings, context: Context) -> Plugin:
    from sidecar.plugins.telegram_alerts.alerts import TelegramAlerts  # its client loads only when the plugin is used

    return TelegramAlerts(config, context)


FACTORY = Factory(name="telegram_alerts", config=TelegramAlertsSettings, build=_build, required=False)
