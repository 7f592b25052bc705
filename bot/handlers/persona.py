"""Choosing a persona, and the story that begins the chat."""

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import Persona, Personas
from bot.content.texts import Html, Say
from bot.settings import BotSettings
from bot.telegram import answer_button, spoken
from chattrail.events import PersonaSelected, StorySelected
from chattrail.tracker import Tracker


def router() -> Router:
    """Make the router."""
    own = Router(name="persona")
    own.message.register(list_personas, Command("personas"))
    own.callback_query.register(choose_persona, F.data.startswith("persona:"))
    own.callback_query.register(choose_story, F.data.startswith("story:"))
    return own


async def list_personas(message: Message, say: Say, personas: Personas) -> None:
    """Show all personas."""
    await message.answer(say("persona.choose"), reply_markup=keyboards.personas(personas, say))


async def choose_persona(
    callback: CallbackQuery, bot: Bot, chat_state: ChatState, say: Say, personas: Personas, tracker: Tracker
) -> None:
    """Show the chosen persona's card; a running chat goes on until a story is chosen."""
    persona = personas.persona((callback.data or "").partition(":")[2])
    if persona is None:
        await answer_button(callback, say.plain("persona.gone"), alert=True)
        return
    await answer_button(callback)
    await show_persona(bot, callback.from_user.id, persona, chat_state, say, tracker)


async def show_persona(
    bot: Bot, person: int, persona: Persona, chat_state: ChatState, say: Say, tracker: Tracker
) -> None:
    """Send a persona's card with its stories."""
    tracker.track(PersonaSelected(persona_id=persona.id, name=persona.name["en"]))
    if chat_state.story_id is None:
        chat_state.persona_id = persona.id
    card = say("persona.card", name=persona.name[say.language], tagline=persona.tagline[say.language])
    await bot.send_message(person, card, reply_markup=keyboards.stories(persona, say))


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
