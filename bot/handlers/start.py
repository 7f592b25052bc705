"""/start: a welcome, or a welcome back; a deep link may name a persona (t.me/…?start=persona_mira)."""

from aiogram import Router
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import Message

from bot import keyboards
from bot.chat_state import Memory
from bot.content.personas import Cast
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
    message: Message, command: CommandObject, memory: Memory, say: Say, cast: Cast, tracker: Tracker, clock: Clock
) -> None:
    """Greet the person by name and offer what fits: a persona, the earlier chat, or all personas."""
    returning = memory.last_at is not None
    tracker.annotate(returning=returning)
    name = message.from_user.first_name if message.from_user else ""
    linked = cast.persona((command.args or "").removeprefix("persona_"))
    there = cast.story(memory.story_id)
    if linked is not None:
        await show_persona(message, linked, memory, say, tracker)
    elif there is not None:
        persona, story = there
        memory.asked_to_continue, memory.away_seconds = True, memory.idle_seconds(clock())
        await message.answer(
            say("start.back", name=name, persona=persona.name[say.language], story=story.title[say.language]),
            reply_markup=keyboards.continuing(say),
        )
    else:
        key = "start.again" if returning else "start.welcome"
        await message.answer(say(key, name=name), reply_markup=keyboards.personas(cast, say))
