"""Which handler takes which update: the first whose filters match. The tables are tried from top to bottom."""

from collections.abc import Callable
from typing import Any

from aiogram import F, Router
from aiogram.filters import Command, CommandStart

from bot.handlers import chat, clear, errors, help, image, language, persona, premium, start

_MEDIA = F.photo | F.voice | F.video | F.video_note | F.sticker | F.audio | F.animation
_OTHERS = F.document | F.location | F.contact | F.poll | F.dice | F.venue
_Table = tuple[tuple[Callable[..., Any], Any], ...]
_MESSAGES: _Table = (
    (start.start, CommandStart()),
    (persona.list_personas, Command("personas")),
    (image.by_command, Command("picture")),
    (clear.ask, Command("clear")),
    (premium.show_plans, Command("premium")),
    (premium.paid, F.successful_payment),
    (premium.refunded, F.refunded_payment),
    (language.choose, Command("language")),
    (help.show_help, Command("help")),
    (help.unknown_command, F.text.startswith("/")),
    (chat.talk, F.text),
    (help.not_text, _MEDIA | _OTHERS),
)
_BUTTONS: _Table = (
    (persona.choose_persona, F.data.startswith("persona:")),
    (persona.choose_story, F.data.startswith("story:")),
    (image.by_button, F.data == "picture:new"),
    (image.another, F.data == "picture:again"),
    (clear.forget, F.data == "clear:yes"),
    (clear.keep, F.data == "clear:no"),
    (premium.invoice, F.data.startswith("premium:")),
    (language.change, F.data.startswith("language:")),
    (chat.continue_chat, F.data == "chat:continue"),
    (chat.start_afresh, F.data == "chat:fresh"),
    (help.old_button, F.id),
)


def router() -> Router:
    """Make the router of the handlers for people."""
    own = Router(name="bot")
    own.errors.register(errors.apologise)
    own.pre_checkout_query.register(premium.check)
    for handler, condition in _MESSAGES:
        own.message.register(handler, condition)
    for handler, condition in _BUTTONS:
        own.callback_query.register(handler, condition)
    return own
