#!/usr/bin/env bash
# aiogram 3.31.0: `async with ChatActionSender(...)` does not end before Telegram has answered the sendChatAction that is
# under way, and the first error ends the chat action for the rest of the block.
#
# The sender shows "typing" while a bot works on an answer. Leaving the block sets an event and waits for the worker,
# which looks at the event only between two calls. So a slow sendChatAction delays the answer that the bot has ready, by
# up to the session's timeout (60 s by default). And a call that fails ends the worker: nothing is sent for the rest of
# the block, and asyncio logs "Task exception was never retrieved" when the task is collected.
#
# Source: ChatActionSender._worker and ._stop in aiogram/utils/chat_action.py.
# Met as answers that were late when only sendChatAction was slow; bot/telegram.py cancels a task of its own instead.
#
# Output seen:
#   block of 0.2 s with a sendChatAction of 2 s: ended after 2 s
#   block with calls each 0.1 s, the first one refused: 1 call
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiogram==3.31.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys
import time

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.utils.chat_action import ChatActionSender
from aiohttp import web


async def main() -> int:
    calls, delay, refused = [], 2.0, False

    async def answer(request: web.Request) -> web.Response:
        calls.append(request.path)
        await asyncio.sleep(delay)
        if refused:
            return web.json_response({"ok": False, "error_code": 400, "description": "Bad Request"}, status=400)
        return web.json_response({"ok": True, "result": True})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = TelegramAPIServer.from_base(f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with Bot("42:TEST", session=AiohttpSession(api=server)) as bot:
        started = time.monotonic()
        async with ChatActionSender(bot=bot, chat_id=1):
            await asyncio.sleep(0.2)
        took = time.monotonic() - started
        print(f"block of 0.2 s with a sendChatAction of {delay:g} s: ended after {took:.0f} s")
        calls.clear()
        delay, refused = 0.0, True
        async with ChatActionSender(bot=bot, chat_id=1, interval=0.1):
            await asyncio.sleep(1)
        print(f"block with calls each 0.1 s, the first one refused: {len(calls)} call")
    await runner.cleanup()
    return 0 if took >= 1.9 and len(calls) == 1 else 1


sys.exit(asyncio.run(main()))
PYTHON
