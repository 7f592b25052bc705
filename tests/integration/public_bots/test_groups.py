"""In groups each message is in the trail of the person whom it is from or for, and in nobody's when there is none."""

from typing import Any

from stack.simulators.telegram.server import TelegramServer
from tests.integration.public_bots.bots import groups
from tests.integration.public_bots.chain import Chain
from tests.integration.public_bots.driving import bot_of

GROUP, ELSEWHERE = -1002, -1003
CHANNEL = {"id": -1004, "type": "channel", "title": "News"}


def trail(chain: Chain, person: int) -> list[tuple[Any, ...]]:
    """The type, chat, thread and words of each event of a person, oldest first."""
    told = ("chattrail.command.name", "chattrail.chat.action")
    return [
        (
            event["type"],
            int(event["chat_id"]),
            event["attributes"].get("telegram.message.thread_id"),
            next((event["attributes"][name] for name in told if name in event["attributes"]), event["text"]),
        )
        for event in chain.events(person)
    ]


async def test_members_guests_and_senders_that_are_no_people(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(2001, name="Ann"), telegram.person(2002, name="Bo")
    group = telegram.group(GROUP)
    async with bot_of(groups.make(), telegram, chain, "groups") as bot:
        topic = (await bot.create_forum_topic(GROUP, "News")).message_thread_id
        group.say(ann, "hello", thread=topic)
        await group.wait(lambda m: m.text == "noted: hello")
        group.say(ann, f"/whisper {bo.id} psst")
        group.say(bo, "/help@another_bot")
        await group.wait(lambda m: m.text == "noted: /help@another_bot")
        for words, say in (
            ("post", lambda words: group.forward_from_channel(CHANNEL, words)),
            ("admin", group.say_anonymously),
            ("as a channel", lambda words: group.say_as_channel(CHANNEL, words)),
        ):
            say(words)
            await group.wait(lambda m, words=words: m.text == f"noted: {words}")  # type: ignore[misc]
        await bo.ask_to_join(group)
        await bo.remove_boost(group, await bo.boost(group))
        telegram.group(ELSEWHERE).ask_guest(ann, "@public_bot who?")
        group.say(ann, "bye")
        await group.wait(lambda m: m.text == "noted: bye")
    # Updates are handled side by side, so their answers come in any order.
    assert sorted(trail(chain, ann.id), key=str) == [
        ("bot_message", GROUP, str(topic), "noted: hello"), ("bot_message", GROUP, None, "noted: bye"),
        ("bot_message", ELSEWHERE, None, "I am a guest here"), ("command", GROUP, None, "whisper"),
        ("user_message", GROUP, str(topic), "hello"), ("user_message", GROUP, None, "bye"),
        ("user_message", ELSEWHERE, None, "@public_bot who?"),
    ]  # fmt: skip
    assert sorted(trail(chain, bo.id), key=str) == [
        ("bot_message", GROUP, None, "noted: /help@another_bot"), ("bot_message", GROUP, None, "psst"),
        ("chat_action", GROUP, None, "boost_removed"), ("chat_action", GROUP, None, "boosted"),
        ("chat_action", GROUP, None, "join_requested"), ("message_edited", GROUP, None, "psst!"),
        ("user_message", GROUP, None, "/help@another_bot"),
    ]  # fmt: skip
    chain.stage.settle()
    assert chain.people() == {"2001", "2002"}
    logged = "SELECT attributes['chattrail.message.text'] FROM logs WHERE event_name = 'chattrail_chat.bot_message'"
    answers = {text for (text,) in chain.stage.client.query(logged).result_rows}
    assert answers == {"noted: post", "noted: admin", "noted: as a channel"}
    assert chain.stage.client.command("SELECT count() FROM dead_letters") == 0
