"""Posts chosen events to a URL of yours, signed."""

from sidecar.plugin import Factory, imported_on_call
from sidecar.plugins.webhook.settings import WebhookSettings

_BUILD = imported_on_call("sidecar.plugins.webhook.delivery:Webhook")
FACTORY = Factory(name="webhook", config=WebhookSettings, build=_BUILD, required=False)
