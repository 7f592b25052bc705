"""Choosing whom to talk with."""

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat_state import Memory
from bot.content.personas import Cast, Persona
from bot.content.texts import Say
from bot.telegram import answer_button
from chattrail.events import PersonaSelected
from chattrail.tracker import Tracker


def router() -> Router:
    """Make the router."""
    own = Router(name="persona")
    own.message.register(list_personas, Command("personas"))
    own.callback_query.register(choose_persona, F.data.startswith("persona:"))
    return own


async def list_personas(message: Message, say: Say, cast: Cast) -> None:
    """Show who is there."""
    await message.answer(say("persona.choose"), reply_markup=keyboards.personas(cast, say))


async def choose_persona(
    callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, cast: Cast, tracker: Tracker
) -> None:
    """Show the chosen persona's card; the chat that goes on is not touched until a story is chosen."""
    persona = cast.persona((callback.data or "").partition(":")[2])
    if persona is None:
        await answer_button(callback, say.plain("persona.gone"), alert=True)
        return
    await answer_button(callback)
    tracker.track(PersonaSelected(persona_id=persona.id, name=persona.name["en"]))
    _turn_to(persona, memory)
    await bot.send_message(callback.from_user.id, _card(persona, say), reply_markup=keyboards.stories(persona, say))


async def show_persona(message: Message, persona: Persona, memory: Memory, say: Say, tracker: Tracker) -> None:
    """Show a persona's card as if it had been chosen."""
    tracker.track(PersonaSelected(persona_id=persona.id, name=persona.name["en"]))
    _turn_to(persona, memory)
    await message.answer(_card(persona, say), reply_markup=keyboards.stories(persona, say))


def _turn_to(persona: Persona, memory: Memory) -> None:
    if memory.story_id is None:
        memory.persona_id = persona.id


def _card(persona: Persona, say: Say) -> str:
    return say("persona.card", name=persona.name[say.language], tagline=persona.tagline[say.language])
