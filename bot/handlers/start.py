"""/start: a welcome, or a welcome back; a deep link may name a persona (t.me/…?start=persona_mira)."""

from aiogram.filters import CommandObject
from aiogram.types import Message

from bot import keyboards
from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.texts import Say
from bot.handlers.persona import show_persona


async def start(message: Message, command: CommandObject, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Greet the person by name and offer what fits: a persona, the earlier chat, or all personas."""
    returning = chat_state.last_at is not None
    chat.tracker.annotate(returning=returning)
    name = message.from_user.first_name if message.from_user else ""
    linked = chat.personas.persona((command.args or "").removeprefix("persona_"))
    current = chat.personas.story(chat_state.story_id)
    if linked is not None:
        await show_persona(message.chat.id, linked, chat_state, say, chat)
    elif current is not None:
        chat_state.asked_to_continue, chat_state.away_seconds = True, chat_state.idle_seconds(chat.clock())
        text = say("start.back", name=name, **say.names(*current))
        await message.answer(text, reply_markup=keyboards.continuing(say))
    else:
        key = "start.again" if returning else "start.welcome"
        await message.answer(say(key, name=name), reply_markup=keyboards.personas(chat.personas, say))
