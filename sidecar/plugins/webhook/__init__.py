"""Posts chosen events to a URL of yours, signed."""

from sidecar.plugin import Context, Factory, Plugin
from sidecar.plugins.webhook.config import WebhookConfig


def _build(config: WebhookConfig, context: Context) -> Plugin:
    from sidecar.plugins.webhook.delivery import Webhook  # its client loads only when the plugin is used

    return Webhook(config, context)


FACTORY = Factory(name="webhook", config=WebhookConfig, build=_build, required=False)
