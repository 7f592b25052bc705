"""The inline keyboards, and the callback data behind their buttons (at most 64 bytes, as Telegram demands)."""

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.content.personas import LANGUAGES, Persona, Personas
from bot.content.plans import PLANS
from bot.content.texts import Say


def _rows(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in rows]
    )


def personas(personas: Personas, say: Say) -> InlineKeyboardMarkup:
    """All personas, two in a row."""
    buttons = [(persona.name[say.language], f"persona:{persona.id}") for persona in personas.all]
    return _rows(*(buttons[at : at + 2] for at in range(0, len(buttons), 2)))


def stories(persona: Persona, say: Say) -> InlineKeyboardMarkup:
    """A persona's stories."""
    return _rows(*([(story.title[say.language], f"story:{story.id}")] for story in persona.stories))


def image(say: Say) -> InlineKeyboardMarkup:
    """Below an answer."""
    return _rows([(say.plain("image.button"), "picture:new")])


def another_image(say: Say) -> InlineKeyboardMarkup:
    """Below an image."""
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
    titles = {plan: say.plain(f"premium.{plan.id}") for plan in PLANS.values()}
    return _rows(
        *(
            [(say.plain("premium.button", title=title, amount=plan.stars), f"premium:{plan.id}")]
            for plan, title in titles.items()
        )
    )


def languages(say: Say) -> InlineKeyboardMarkup:
    """The languages, each in its own words."""
    return _rows([(say.plain(f"language.button_{code}"), f"language:{code}") for code in LANGUAGES])
