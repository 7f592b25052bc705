"""A stranger's bot, with no Chattrail code but two lines, gets its whole trail on the dashboard."""

import asyncio
from pathlib import Path

from chattrail import create_tracker
from tests.acceptance.conftest import whole_stack
from tests.acceptance.test_main_job import until
from tests.integration.chattrail.any_bot.app import build
from tests.integration.chattrail.any_bot.visit import survey_and_gallery


async def test_a_strangers_bot_has_its_trail(tmp_path: Path) -> None:
    async with whole_stack(tmp_path, without=("bot",)) as whole:
        tracker = create_tracker("strangers-bot", endpoint=whole.layout.otlp_endpoint)
        dispatcher, bot = build(whole.telegram.token, whole.telegram.url, tracker)
        polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
        ann = whole.telegram.person(1001, name="Ann Lee", username="ann", language_code="en")
        await ann.send("/start promo 1")
        await ann.wait(lambda m: m.text == "Welcome to my bot")
        await survey_and_gallery(ann)
        await ann.send("/broken")
        await ann.wait(lambda m: m.text == "Something went wrong")
        await dispatcher.stop_polling()
        await polling
        await asyncio.to_thread(tracker.shutdown)

        async def arrived() -> list[dict]:  # type: ignore[type-arg]
            events = await whole.events(ann.id)
            stored = [event for event in events if (event["image"] or {}).get("status") == "stored"]
            return events if len(events) == tracker.emitted and len(stored) == 2 else []

        events = await until("the whole trail", arrived)
    assert [(event["type"], event["text"]) for event in events] == [
        ("start_command", ""),
        ("bot_message", "Welcome to my bot"),
        ("command", ""),
        ("bot_message", "What is your name?"),
        ("user_message", "Ann"),
        ("bot_message", "Which colour?"),
        ("user_message", "🔵 Blue"),
        ("bot_message", "Ann, noted"),
        ("command", ""),
        ("bot_message", "Two greys"),
        ("bot_message", ""),
        ("command", ""),
        ("handler_failed", ""),
        ("bot_message", "Something went wrong"),
    ]
    assert events[0]["attributes"]["chattrail.start.payload"] == "promo 1"
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
