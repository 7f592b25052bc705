"""Choosing the story, which begins the chat."""

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import Personas
from bot.content.texts import Html, Say
from bot.settings import BotSettings
from bot.telegram import answer_button, spoken
from chattrail.events import StorySelected
from chattrail.tracker import Tracker


def router() -> Router:
    """Make the router."""
    own = Router(name="story")
    own.callback_query.register(choose_story, F.data.startswith("story:"))
    return own


async def choose_story(
    callback: CallbackQuery,
    bot: Bot,
    chat_state: ChatState,
    say: Say,
    personas: Personas,
    tracker: Tracker,
    settings: BotSettings,
) -> None:
    """Begin the story with the persona's first words."""
    found = personas.story((callback.data or "").partition(":")[2])
    if found is None:
        await answer_button(callback, say.plain("story.gone"), alert=True)
        return
    persona, story = found
    await answer_button(callback)
    chat_state.begin(persona.id, story.id)
    tracker.annotate(persona_id=persona.id)
    tracker.track(StorySelected(story_id=story.id, name=story.title["en"]))
    opening = story.opening[say.language]
    chat_state.remember("assistant", opening, limit=settings.memory_messages)
    text = say("story.opening", title=story.title[say.language], opening=Html(spoken(opening)))
    await bot.send_message(
        callback.from_user.id, f"{text}\n\n<i>{say('story.hint')}</i>", reply_markup=keyboards.image(say)
    )
