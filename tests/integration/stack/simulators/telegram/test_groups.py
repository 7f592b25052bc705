"""Groups: who a message is from when no person sent it."""

from typing import Any

from aiogram import Bot

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import updates

CHANNEL = {"id": -200, "title": "News", "type": "channel"}


async def test_senders_of_a_group(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    group = telegram.group(-100)
    group.say(ann, "/help@another_bot")
    group.forward_from_channel(CHANNEL, "news")
    group.say_anonymously("as the group")
    group.say_as_channel(CHANNEL, "as a channel")
    said = [update.message for update in (await updates(bot))[1:]]
    assert [(message.from_user.id, message.from_user.is_bot) for message in said] == [
        (1001, False), (777000, False), (1087968824, True), (136817688, True),
    ]  # fmt: skip
    assert [message.sender_chat.id if message.sender_chat else None for message in said] == [None, -200, -100, -200]
    assert [message.is_automatic_forward for message in said] == [None, True, None, None]
    assert {(message.chat.id, message.chat.type) for message in said} == {(-100, "supergroup")}
    assert said[0].entities[0].type == "bot_command"
    await bot.send_message(-100, "hello all")
    assert (await group.wait()).text == "hello all"
