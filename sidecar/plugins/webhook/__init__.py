"""Posts chosen events to a URL of yours, signed."""

from sidecar.plugin import Context, Factory, Plugin
from sidecar.plugins.webhook.settings import WebhookSettings


def _build(config: WebhookSettings, context: Context) -> Plugin:
    from sidecar.plugins.webhook.delivery import Webhook  # its client loads only when the plugin is used

    return Webhook(config, context)


FACTORY = Factory(name="webhook", config=WebhookSettings, build=_build, required=False)
