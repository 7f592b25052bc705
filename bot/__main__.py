"""`python -m bot`: run the persona bot until SIGINT or SIGTERM."""

import asyncio
import logging
import sys

from bot.settings import BotSettings
from common.private_files import keep_files_private

_log = logging.getLogger("bot")


def main() -> int:
    """Run the bot; the exit code is 0 after a signal, 2 when a setting is wrong."""
    settings = BotSettings.load_or_exit()
    keep_files_private()
    # aiogram takes seconds to import: a wrong setting is reported before that.
    from aiogram.exceptions import TelegramAPIError, TelegramNotFound, TelegramUnauthorizedError

    from bot import logs
    from bot.app import build, make_tracker
    from bot.runner import run_until_signal

    logs.configure(settings.secrets)
    try:
        tracker = make_tracker(settings)
    except ValueError as error:
        print(f"Settings are wrong:\n{error}", file=sys.stderr)
        return 2
    if settings.redis_url is None:
        kept = "" if settings.premium_path else ", paid premium too (see CHATTRAIL_BOT_PREMIUM_PATH)"
        _log.info("without CHATTRAIL_BOT_REDIS_URL chats are kept in memory and end with the bot%s", kept)
    try:
        asyncio.run(run_until_signal(lambda: build(settings, tracker)))
    except (TelegramUnauthorizedError, TelegramNotFound):
        _log.critical("Telegram does not know this bot: check BOT_TOKEN, @BotFather gives the right one")
        return 2
    except TelegramAPIError as error:
        _log.critical("Telegram refused to start the bot: %s", error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
