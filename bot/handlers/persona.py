"""Choosing a persona, and the story that begins the chat."""

from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.personas import Persona
from bot.content.texts import Html, Say
from bot.telegram import answer_button, spoken
from chattrail.events import PersonaSelected, StorySelected


async def list_personas(message: Message, say: Say, chat: Chat) -> None:
    """Show all personas."""
    await chat.offer_personas(message.chat.id, say)


async def choose_persona(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Show the chosen persona's card; a running chat goes on until a story is chosen."""
    persona = chat.personas.persona((callback.data or "").partition(":")[2])
    if persona is None:
        await answer_button(callback, say.plain("persona.gone"), alert=True)
        return
    await answer_button(callback)
    await show_persona(callback.from_user.id, persona, chat_state, say, chat)


async def show_persona(person: int, persona: Persona, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Send a persona's card with its stories."""
    chat.tracker.track(PersonaSelected(persona_id=persona.id, name=persona.name["en"]))
    if chat_state.story_id is None:
        chat_state.persona_id = persona.id
    card = say("persona.card", name=persona.name[say.language], tagline=persona.tagline[say.language])
    await chat.bot.send_message(person, card, reply_markup=keyboards.stories(persona, say))


async def choose_story(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Begin the story with the persona's first words."""
    found = chat.personas.story((callback.data or "").partition(":")[2])
    if found is None:
        await answer_button(callback, say.plain("story.gone"), alert=True)
        return
    persona, story = found
    await answer_button(callback)
    chat_state.begin(persona.id, story.id)
    chat.tracker.annotate(persona_id=persona.id)
    chat.tracker.track(StorySelected(story_id=story.id, name=story.title["en"]))
    opening = story.opening[say.language]
    chat_state.remember("assistant", opening, limit=chat.settings.memory_messages)
    text = say("story.opening", title=story.title[say.language], opening=Html(spoken(opening)))
    hint = f"{text}\n\n<i>{say('story.hint')}</i>"
    await chat.bot.send_message(callback.from_user.id, hint, reply_markup=keyboards.image(say))
