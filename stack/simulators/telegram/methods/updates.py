"""How the bot learns what happened: long polling, or a webhook."""

from typing import Any
from urllib.parse import urlsplit

from stack.simulators.telegram.webhook import SECRET
from stack.simulators.telegram.wire import ApiError, Json, Params, bad_request
from stack.simulators.telegram.world import World


async def get_updates(world: World, params: Params) -> list[Json]:
    """`getUpdates`."""
    if world.webhook.url:
        raise ApiError(
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
    world.updates.allow(params.array("allowed_updates"))
    limit = min(max(params.integer("limit") or 100, 1), 100)
    return await world.updates.poll(params.integer("offset") or 0, limit, params.integer("timeout") or 0)


async def set_webhook(world: World, params: Params) -> bool:
    """`setWebhook`. Unlike the real service, plain http is taken, because the bot is on this machine."""
    url = params.text("url")
    if url is None:
        return await delete_webhook(world, params)
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = params.text("secret_token")
    if secret is not None and not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    world.updates.allow(params.array("allowed_updates"))
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    world.updates.end_poll()
    await world.webhook.start(url, secret, min(max(params.integer("max_connections") or 40, 1), 100))
    return True


async def delete_webhook(world: World, params: Params) -> bool:
    """`deleteWebhook`."""
    if params.flag("drop_pending_updates"):
        world.updates.clear()
    await world.webhook.stop()
    return True


async def get_webhook_info(world: World, params: Params) -> Json:
    """`getWebhookInfo`."""
    return world.webhook.info()


async def log_out(world: World, params: Params) -> bool:
    """`logOut` and `close`: nothing to do for a server that lives on this machine."""
    return True


METHODS: dict[str, Any] = {
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "logOut": log_out,
    "close": log_out,
}
