"""Tells an admin chat in Telegram when a rule over the stream of events holds."""

from sidecar.plugin import Factory, imported_on_call
from sidecar.plugins.telegram_alerts.settings import TelegramAlertsSettings

_BUILD = imported_on_call("sidecar.plugins.telegram_alerts.alerts:TelegramAlerts")
FACTORY = Factory(name="telegram_alerts", config=TelegramAlertsSettings, build=_BUILD, required=False)
