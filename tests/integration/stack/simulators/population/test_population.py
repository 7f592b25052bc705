"""Simulated people at a small real aiogram bot: they find its buttons, do all they can do, and give up when it is silent."""

import asyncio
import contextlib
import io
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)
from PIL import Image

from stack.simulators.population import player, population_runner
from stack.simulators.population.player import ScriptPlayer
from stack.simulators.population.population import member
from stack.simulators.population.population_runner import PopulationRunner
from stack.simulators.population.script import Act, Step
from stack.simulators.telegram.server import TelegramServer

OWNER = 77


def keyboard(*data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=d.title(), callback_data=d)] for d in data])


def image() -> BufferedInputFile:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(out, "PNG")
    return BufferedInputFile(out.getvalue(), "p.png")


def small_bot(seen: Counter[str]) -> Dispatcher:
    """A bot with the usual callback prefixes and a memory of who chose a story; it counts what people do."""
    dispatcher = Dispatcher()
    chosen: set[int] = set()
    personas = keyboard("persona:a", "persona:b")

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        seen["start"] += 1
        await message.answer("Who?", reply_markup=personas)

    @dispatcher.message(Command("personas", "help"))
    async def choose(message: Message) -> None:
        seen["command"] += 1
        await message.answer("Who?", reply_markup=personas)

    @dispatcher.message(Command("clear"))
    async def clear(message: Message) -> None:
        seen["clear"] += 1
        await message.answer("Sure?", reply_markup=keyboard("clear:yes", "clear:no"))

    @dispatcher.message(Command("premium"))
    async def premium(message: Message) -> None:
        seen["premium"] += 1
        await message.answer("Plans", reply_markup=keyboard("premium:week", "premium:year"))

    @dispatcher.message(Command("refund"))
    async def refund(message: Message, command: CommandObject, bot: Bot) -> None:
        assert message.chat.id == OWNER
        person, charge = (command.args or "").split()
        seen["refund"] += await bot.refund_star_payment(user_id=int(person), telegram_payment_charge_id=charge)

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @dispatcher.message(F.successful_payment | F.refunded_payment)
    async def thank(message: Message) -> None:
        seen["paid" if message.successful_payment else "refunded"] += 1
        await message.answer("Thanks")

    @dispatcher.message(F.text)
    async def chat(message: Message) -> None:
        if message.chat.id not in chosen:
            seen["choose first"] += 1
            await message.answer("Choose first", reply_markup=personas)
            return
        seen["text"] += 1
        await message.answer("Hm.", reply_markup=keyboard("picture:new"))

    @dispatcher.message()
    async def other(message: Message) -> None:
        seen[message.content_type] += 1
        await message.answer("Tell me in words")

    @dispatcher.callback_query()
    async def press(query: CallbackQuery) -> None:
        message = query.message
        assert isinstance(message, Message)
        kind, _, value = (query.data or "").partition(":")
        seen[kind] += 1
        await query.answer()
        match kind, value:
            case "persona", _:
                await message.answer("Which story?", reply_markup=keyboard("story:x", "story:y"))
            case "story", _:
                chosen.add(message.chat.id)
                await message.answer("Once upon a time", reply_markup=keyboard("picture:new"))
            case "picture", _:
                await message.answer_photo(image(), reply_markup=keyboard("picture:again"))
            case "clear", _:
                chosen.discard(message.chat.id)
                await message.edit_text("Done")
            case "premium", plan:
                await message.answer_invoice("Plan", "A plan", plan, "XTR", [LabeledPrice(label="Plan", amount=50)])

    @dispatcher.my_chat_member()
    async def block(change: ChatMemberUpdated) -> None:
        seen[change.new_chat_member.status] += 1

    return dispatcher


@contextlib.asynccontextmanager
async def running(server: TelegramServer, dispatcher: Dispatcher) -> AsyncIterator[None]:
    async with Bot(server.token, session=AiohttpSession(api=TelegramAPIServer.from_base(server.url))) as bot:
        # One update at a time: when polling has stopped, no handler is left that would miss its connection.
        work = dispatcher.start_polling(
            bot, handle_signals=False, close_bot_session=False, polling_timeout=5, handle_as_tasks=False
        )
        task = asyncio.create_task(work)
        try:
            yield
        finally:
            await dispatcher.stop_polling()
            await task


async def at_once(pause: float) -> None:
    await asyncio.sleep(0)


async def test_one_person_does_every_act() -> None:
    seen: Counter[str] = Counter()
    steps = [
        Step(Act.SAY, "Hello?"),
        Step(Act.START, "promo"),
        Step(Act.PERSONA, pick=0.9),
        Step(Act.STORY, pick=0.1),
        Step(Act.SAY, "Hi"),
        Step(Act.SHOW, "photo"),
        Step(Act.SHOW, "voice"),
        Step(Act.SHOW, "sticker"),
        Step(Act.SAY, "So"),
        Step(Act.IMAGE),
        Step(Act.AGAIN),
        Step(Act.HELP),
        Step(Act.OFFER, pick=0.6),
        Step(Act.DECLINE),
        Step(Act.OFFER),
        Step(Act.PAY),
        Step(Act.REFUND),
        Step(Act.CLEAR),
        Step(Act.BLOCK),
        Step(Act.UNBLOCK),
        Step(Act.START),
    ]
    assert {step.act for step in steps} == set(Act)
    async with TelegramServer() as server, running(server, small_bot(seen)):
        owner = server.person(OWNER, name="Owner")
        person = server.person(1, name="Ann")
        chatting = ScriptPlayer(person, member(1, 1), at_once, owner)
        assert await chatting.play(steps)
        assert chatting.steps_done == len(steps)
        kinds = [message.content_type for message in person.history]
        assert {"photo", "voice", "sticker", "invoice", "successful_payment", "refunded_payment"} <= set(kinds)
    assert seen == {
        "choose first": 1, "start": 2, "persona": 2, "story": 2, "text": 3, "photo": 1, "voice": 1, "sticker": 1,
        "picture": 2, "command": 1, "premium": 4, "paid": 1, "refund": 1, "refunded": 1, "clear": 2,
        "kicked": 1, "member": 1,
    }  # fmt: skip


async def test_a_crowd_keeps_a_bot_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    async with TelegramServer() as server, running(server, small_bot(seen)):
        people = PopulationRunner(server, seed=3, people=60, pace=5, admin_id=OWNER)
        monkeypatch.setattr(population_runner, "LONGEST_THINK", 0.002)
        task = asyncio.create_task(people.run())
        async with asyncio.timeout(60):
            while people.visits < 150:  # noqa: ASYNC110 - the runner counts, it does not signal
                await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert people.steps_done > 700
    assert {"start", "persona", "story", "text", "picture", "clear", "premium"} <= set(seen)
    assert seen["text"] > seen["picture"] > seen["clear"]


async def test_somebody_gives_up_when_the_bot_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "PATIENCE_SECONDS", 0.05)
    async with TelegramServer() as server:
        chatting = ScriptPlayer(server.person(1, name="Ann"), member(1, 1), at_once)
        assert not await chatting.play([Step(Act.START), Step(Act.SAY, "Hello?")])
        assert chatting.steps_done == 0
        assert server.pending_updates == 1
