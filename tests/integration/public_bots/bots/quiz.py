"""A quiz as a scene: each question is an entry of the scene, answers are keys of the keyboard, one can go back or leave."""

from typing import Any

from aiogram import Dispatcher, F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.scene import Scene, ScenesManager, on
from aiogram.types import KeyboardButton, Message, ReplyKeyboardMarkup, ReplyKeyboardRemove
from aiogram.utils.formatting import Bold, as_key_value, as_list, as_numbered_list, as_section

QUESTIONS = (
    ("What is the capital of France?", ("Rome", "Paris", "Oslo"), "Paris"),
    ("How many legs has a spider?", ("six", "eight"), "eight"),
)
BACK, EXIT = "🔙 Back", "🚫 Exit"


class Quiz(Scene, state="quiz"):
    """The questions, one after another."""

    @on.message.enter()
    async def ask(self, message: Message, state: FSMContext, step: int = 0) -> Any:
        if not step:
            await message.answer("Welcome to the quiz!")
        if step >= len(QUESTIONS):
            return await self.wizard.exit()
        await state.update_data(step=step)
        question, answers, _ = QUESTIONS[step]
        rows = [[KeyboardButton(text=one) for one in answers], [KeyboardButton(text=BACK), KeyboardButton(text=EXIT)]]
        return await message.answer(
            question, reply_markup=ReplyKeyboardMarkup(keyboard=rows[: None if step else 2], resize_keyboard=True)
        )

    @on.message.exit()
    async def sum_up(self, message: Message, state: FSMContext) -> None:
        given: dict[str, str] = (await state.get_data()).get("answers", {})
        lines = [
            as_section(Bold(question), as_key_value("Your answer", given.get(str(step), "none")))
            for step, (question, _, _) in enumerate(QUESTIONS)
        ]
        right = sum(given.get(str(step)) == correct for step, (_, _, correct) in enumerate(QUESTIONS))
        result = as_list(as_numbered_list(*lines), "", as_section(Bold("Right:"), f" {right} of {len(QUESTIONS)}"))
        await message.answer(**result.as_kwargs(), reply_markup=ReplyKeyboardRemove())
        await state.set_data({})

    @on.message(F.text == BACK)
    async def back(self, message: Message, state: FSMContext) -> None:
        step = (await state.get_data())["step"]
        if step == 0:
            return await self.wizard.exit()
        return await self.wizard.back(step=step - 1)

    @on.message(F.text == EXIT)
    async def leave(self, message: Message) -> None:
        await self.wizard.exit()

    @on.message(F.text)
    async def answer(self, message: Message, state: FSMContext) -> None:
        data = await state.get_data()
        step, given = data["step"], data.get("answers", {})
        if message.text not in QUESTIONS[step][1]:
            await message.reply("Please choose one of the answers")
            return
        await state.update_data(answers=given | {str(step): message.text})
        await self.wizard.retake(step=step + 1)


def make(dispatcher: Dispatcher) -> list[Router]:
    from aiogram.fsm.scene import SceneRegistry

    router = Router(name="quiz")
    router.message.register(Quiz.as_handler(), Command("quiz"))

    @router.message(Command("start"))
    async def start(message: Message, scenes: ScenesManager) -> None:
        await scenes.close()
        await message.answer("Hi! /quiz begins the quiz.", reply_markup=ReplyKeyboardRemove())

    SceneRegistry(dispatcher).add(Quiz)
    return [router]
