"""Events for any aiogram 3 bot, without touching its handlers.

    instrument(dispatcher, bot, create_tracker("my-bot"))

What people send and do becomes events, and so does what the bot sends; docs/events.md has the table. What the bot sends
is a bot_message, and an ai_message or image_generated where it says so: `with
chattrail_tracker.details(request_model="m"):`. An exception that reaches the dispatcher becomes handler_failed.
Handlers that declare `chattrail_tracker: Tracker` get it, to track what only they know.
"""

from collections.abc import Collection
from importlib.metadata import version

try:
    from aiogram import Bot, Dispatcher
except ImportError as error:
    raise ImportError("chattrail.aiogram needs aiogram 3.4 or newer: pip install 'chattrail[aiogram]'") from error

from chattrail.aiogram.owner import OwnerRouter
from chattrail.tracker import Tracker

__all__ = ["instrument", "owner_router"]

_OLDEST = (3, 4)


def instrument(dispatcher: Dispatcher, bot: Bot, tracker: Tracker, *, webhook_replies: bool = False) -> None:
    """Record what passes through the dispatcher and the bot. Call it once for each bot; a second time does nothing.

    Bots are told apart by id: each may have a tracker of its own, or several one. A bot of the dispatcher that was not
    instrumented is recorded like the others where they have one tracker. Another object for the same token, which only
    sends, needs the call, too.

    Raises RuntimeError with an aiogram that is too old.

    Polling then also asks for the updates that are recorded, such as `edited_message`, `message_reaction` and
    `my_chat_member`; a webhook has to name them in `set_webhook(allowed_updates=…)`:
    `dispatcher.resolve_used_update_types()` lists them.

    webhook_replies: set it when a webhook runs with `handle_in_background=False` and handlers return methods. Such a
    method leaves inside the HTTP response and never passes the bot's session, so it is recorded soon after it was returned:
    without Telegram's message id, with its Markdown, and without knowing whether it was delivered.
    """
    installed = version("aiogram")
    if tuple(int(part) for part in installed.split(".")[:2]) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise RuntimeError(
            f"aiogram {installed} is installed; chattrail needs {needed} or newer: pip install 'aiogram>={needed},<4'"
        )
    from chattrail.aiogram.install import install  # imports names that an older aiogram lacks

    install(dispatcher, bot, tracker, webhook_replies=webhook_replies)


def owner_router(
    admins: Collection[int],
    api: str = "http://127.0.0.1:8000",
    token: str | None = None,
    *,
    dashboard: str | None = None,
) -> OwnerRouter:
    """Return a router with /stats, /dashboard and /find for the people who run the bot.

    `dispatcher.include_router(owner_router(admins=[123456789], token="…"))`, anywhere: it comes before the bot's own handlers.

    admins: their Telegram ids. The commands of everybody else, and those in groups, go on to the bot's own handlers, as if
    there were no such router. api: the address of the dashboard; token: one of its API tokens (`python -m web token`).
    dashboard: the address by which owners open the dashboard, for links to trails, when it is not that of `api`.

    Neither these commands of admins nor the answers are recorded: owners are no users of their bot. A bot's own commands for
    them are added by `router.command("refund", handler)`.

    Raises ValueError, naming the argument at fault, and RuntimeError without the extra chattrail[owner].
    """
    try:
        from chattrail.aiogram.owner.commands import make_router
    except ImportError as error:
        if error.name not in ("httpx", "PIL"):
            raise
        raise RuntimeError(f"owner_router needs {error.name}: pip install 'chattrail[aiogram,owner]'") from error
    return make_router(admins, api, token, dashboard)
