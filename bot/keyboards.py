"""The inline keyboards, and the callback data behind their buttons (at most 64 bytes, as Telegram demands)."""

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.content.personas import LANGUAGES, Cast, Persona
from bot.content.plans import PLANS
from bot.content.texts import Say


def _rows(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in rows]
    )


def personas(cast: Cast, say: Say) -> InlineKeyboardMarkup:
    """All personas, two in a row."""
    buttons = [(persona.name[say.language], f"persona:{persona.id}") for persona in cast.personas]
    return _rows(*(buttons[at : at + 2] for at in range(0, len(buttons), 2)))


def stories(persona: Persona, say: Say) -> InlineKeyboardMarkup:
    """A persona's stories."""
    return _rows(*([(story.title[say.language], f"story:{story.id}")] for story in persona.stories))


def picture(say: Say) -> InlineKeyboardMarkup:
    """Below an answer."""
    return _rows([(say.plain("image.button"), "picture:new")])


def another_picture(say: Say) -> InlineKeyboardMarkup:
    """Below a picture."""
    return _rows([(say.plain("image.again"), "picture:again")])


def clear(say: Say) -> InlineKeyboardMarkup:
    """Whether to forget the chat."""
    return _rows([(say.plain("clear.button_yes"), "clear:yes"), (say.plain("clear.button_no"), "clear:no")])


def continuing(say: Say) -> InlineKeyboardMarkup:
    """Whether to continue an earlier chat."""
    return _rows(
        [(say.plain("continue.button_continue"), "chat:continue"), (say.plain("continue.button_fresh"), "chat:fresh")]
    )


def plans(say: Say) -> InlineKeyboardMarkup:
    """What premium costs."""
    return _rows(
        *(
            [
                (
                    say.plain("premium.button", title=say.plain(f"premium.{plan.id}"), amount=plan.stars),
                    f"premium:{plan.id}",
                )
            ]
            for plan in PLANS.values()
        )
    )


def languages(say: Say) -> InlineKeyboardMarkup:
    """The languages, each in its own words."""
    return _rows([(say.plain(f"language.button_{code}"), f"language:{code}") for code in LANGUAGES])
