"""Tells an admin chat in Telegram each morning how the day before was."""

from sidecar.plugin import Factory, imported_on_call
from sidecar.plugins.telegram_digest.settings import TelegramDigestSettings

_BUILD = imported_on_call("sidecar.plugins.telegram_digest.digest:TelegramDigest")
FACTORY = Factory(name="telegram_digest", config=TelegramDigestSettings, build=_BUILD, required=False)
