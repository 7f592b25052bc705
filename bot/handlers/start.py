"""/start: a welcome, or a welcome back; a deep link may name a persona (t.me/…?start=persona_mira)."""

from aiogram import Bot, Router
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import Message

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import Personas
from bot.content.texts import Say
from bot.handlers.persona import show_persona
from bot.middleware import Clock
from chattrail.tracker import Tracker


def router() -> Router:
    """Make the router."""
    own = Router(name="start")
    own.message.register(start, CommandStart())
    return own


async def start(
    message: Message,
    bot: Bot,
    command: CommandObject,
    chat_state: ChatState,
    say: Say,
    personas: Personas,
    tracker: Tracker,
    clock: Clock,
) -> None:
    """Greet the person by name and offer what fits: a persona, the earlier chat, or all personas."""
    returning = chat_state.last_at is not None
    tracker.annotate(returning=returning)
    name = message.from_user.first_name if message.from_user else ""
    linked = personas.persona((command.args or "").removeprefix("persona_"))
    current = personas.story(chat_state.story_id)
    if linked is not None:
        await show_persona(bot, message.chat.id, linked, chat_state, say, tracker)
    elif current is not None:
        persona, story = current
        chat_state.asked_to_continue, chat_state.away_seconds = True, chat_state.idle_seconds(clock())
        names = {"persona": persona.name[say.language], "story": story.title[say.language]}
        await message.answer(say("start.back", name=name, **names), reply_markup=keyboards.continuing(say))
    else:
        key = "start.again" if returning else "start.welcome"
        await message.answer(say(key, name=name), reply_markup=keyboards.personas(personas, say))
