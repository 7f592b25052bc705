"""How the bot gets its updates: long polling, or a webhook."""

from urllib.parse import urlsplit

from stack.simulators.telegram.state import METHODS, State, method
from stack.simulators.telegram.webhook import SECRET
from stack.simulators.telegram.wire import ApiError, Json, Params, bad_request


@method
async def get_updates(state: State, params: Params) -> list[Json]:
    if state.webhook.url:
        reason = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        raise ApiError(409, f"Conflict: {reason}")
    state.updates.allow(params.array("allowed_updates"))
    limit = min(max(params.integer("limit") or 100, 1), 100)
    return await state.updates.poll(params.integer("offset") or 0, limit, params.integer("timeout") or 0)


@method
async def set_webhook(state: State, params: Params) -> bool:
    """Set the webhook. Unlike the real service, this one takes plain http, because the bot is on this machine."""
    url = params.text("url")
    if url is None:
        return await delete_webhook(state, params)
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = params.text("secret_token")
    if secret is not None and not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    state.updates.allow(params.array("allowed_updates"))
    if params.flag("drop_pending_updates"):
        state.updates.clear()
    state.updates.end_poll()
    await state.webhook.start(url, secret, min(max(params.integer("max_connections") or 40, 1), 100))
    return True


@method
async def delete_webhook(state: State, params: Params) -> bool:
    if params.flag("drop_pending_updates"):
        state.updates.clear()
    await state.webhook.stop()
    return True


@method
async def get_webhook_info(state: State, params: Params) -> Json:
    return state.webhook.info()


@method
async def log_out(state: State, params: Params) -> bool:
    """Do nothing: the server is on this machine."""
    return True


METHODS["close"] = log_out
