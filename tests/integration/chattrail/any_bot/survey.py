"""A survey with a finite state machine and buttons."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message


class Survey(StatesGroup):
    """Where a person is in the survey."""

    name = State()
    colour = State()


COLOURS = InlineKeyboardMarkup(
    inline_keyboard=[
        [
            InlineKeyboardButton(text="🔴 Red", callback_data="colour:red"),
            InlineKeyboardButton(text="🔵 Blue", callback_data="colour:blue"),
        ]
    ]
)


def make() -> Router:
    router = Router(name="survey")

    @router.message(Command("survey"))
    async def begin(message: Message, state: FSMContext) -> None:
        await state.set_state(Survey.name)
        await message.answer("What is your name?")

    @router.message(Survey.name, F.text)
    async def named(message: Message, state: FSMContext) -> None:
        await state.update_data(name=message.text)
        await state.set_state(Survey.colour)
        await message.answer("Which colour?", reply_markup=COLOURS)

    @router.callback_query(Survey.colour, F.data.startswith("colour:"))
    async def chosen(query: CallbackQuery, state: FSMContext) -> None:
        known = await state.get_data()
        await state.clear()
        await query.answer()
        if isinstance(query.message, Message):
            await query.message.answer(f"{known['name']}, noted")

    return router
