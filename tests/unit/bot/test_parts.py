"""The smaller parts of the bot: user queues, chat state, premium ledger, texts for Telegram, logs without secrets."""

import asyncio
import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError
from aiogram.methods import SendMessage
from hypothesis import given
from hypothesis import strategies as st

from bot.chat_state import ChatState
from bot.content.plans import PLANS
from bot.logs import RedactingFormatter
from bot.premium import FileStore, Ledger
from bot.telegram import pieces, spoken
from bot.user_queue import QueueFullError, UserQueues

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def test_updates_of_one_person_wait_for_one_another_and_others_go_ahead() -> None:
    user_queues, order, released = UserQueues(), [], asyncio.Event()

    async def take(person: int, name: str) -> None:
        async with user_queues.of(person):
            order.append(name)
            if name == "first":
                await released.wait()

    first, second = asyncio.create_task(take(1, "first")), asyncio.create_task(take(1, "second"))
    await asyncio.create_task(take(2, "other"))
    assert order == ["first", "other"]
    assert not await user_queues.drain(0.01)
    released.set()
    await asyncio.gather(first, second)
    assert order == ["first", "other", "second"]
    assert await user_queues.drain(0.01)
    assert not user_queues._queues


async def test_a_full_queue_is_reported_once_and_payments_pass() -> None:
    user_queues, released = UserQueues(limit=2), asyncio.Event()

    async def take(bounded: bool = True) -> None:
        async with user_queues.of(1, bounded=bounded):
            await released.wait()

    waiting = [asyncio.create_task(take()) for _ in range(2)]
    await asyncio.sleep(0)
    refusals = []
    for _ in range(2):
        with pytest.raises(QueueFullError) as full:
            await take()
        refusals.append(full.value.first)
    assert refusals == [True, False]
    payment = asyncio.create_task(take(bounded=False))
    released.set()
    await asyncio.gather(*waiting, payment)


async def test_a_cancelled_update_lets_the_next_one_in() -> None:
    user_queues = UserQueues()

    async def forever() -> None:
        async with user_queues.of(1):
            await asyncio.Event().wait()

    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(1), user_queues.of(1):
        pass


def test_chat_state_is_bounded_and_reads_what_other_versions_stored() -> None:
    chat_state = ChatState()
    for number in range(100):
        chat_state.remember("user", "x" * 10_000 + str(number), limit=10)
    assert len(chat_state.lines) == 10
    assert all(len(text) <= 4000 for _, text in chat_state.lines)
    again = ChatState.load(asdict(chat_state) | {"from_the_future": 1})
    assert again == chat_state
    assert ChatState.load({}) == ChatState()


def test_clearing_keeps_language_and_counts_of_the_day() -> None:
    chat_state = ChatState(language="ru", persona_id="mira", story_id="mira_map", messages_today=3)
    chat_state.remember("user", "hello", limit=10)
    assert chat_state.forget_chat() == 1
    assert (chat_state.language, chat_state.messages_today, chat_state.story_id) == ("ru", 3, None)
    chat_state.begin_day(NOW)
    assert chat_state.messages_today == 0


async def test_payments_add_up_and_a_refund_takes_only_its_own() -> None:
    ledger = Ledger(FileStore(None))
    assert await ledger.paid(1, PLANS["week"], "a", NOW)
    assert not await ledger.paid(1, PLANS["week"], "a", NOW)
    assert await ledger.paid(1, PLANS["month"], "b", NOW + timedelta(days=1))
    assert (await ledger.status(1)).until == NOW + timedelta(days=37)
    assert await ledger.refunded(1, "a", NOW)
    assert not await ledger.refunded(1, "a", NOW)
    assert not await ledger.refunded(1, "unknown", NOW)
    assert not await ledger.refunded(2, "b", NOW)
    assert (await ledger.status(1)).until == NOW + timedelta(days=31)
    assert (await ledger.status(2)).until is None


async def test_a_payment_sent_twice_at_once_counts_once() -> None:
    ledger = Ledger(FileStore(None))
    entered = await asyncio.gather(*(ledger.paid(1, PLANS["week"], "a", NOW) for _ in range(10)))
    assert entered.count(True) == 1


@given(st.text(max_size=12_000))
def test_pieces_lose_nothing_but_space_and_fit(text: str) -> None:
    parts = pieces(text)
    assert all(len(part.encode("utf-16-le")) // 2 <= 4096 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_gestures_become_italics_and_markup_stays_text() -> None:
    assert spoken("*waves* <b> & 2*3") == "<i>waves</i> &lt;b&gt; &amp; 2*3"


class _Capture(logging.Handler):
    def __init__(self, secrets: list[str]) -> None:
        super().__init__()
        self.setFormatter(RedactingFormatter(secrets))
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"


def test_logs_print_neither_tokens_nor_what_people_wrote() -> None:
    handler = _Capture(["42:SECRET", "sk-key"])
    logger = logging.Logger("test")
    logger.addHandler(handler)
    words = " ".join(["my", "diary"])  # a stack shows lines of code, so the code must not hold the words
    url = f"https://api.telegram.org/bot{'42:SEC' + 'RET'}/sendMessage"
    method = SendMessage(chat_id=1, text=words)
    try:
        try:
            raise ValueError(url + words)
        except ValueError as error:
            raise TelegramBadRequest(method, words) from error
    except TelegramBadRequest as error:
        logger.exception("failed: %s", error)
    network = TelegramNetworkError(method, "Cannot connect to http://h/bot99:OTHER-token/getUpdates sk-key")
    logger.error("Failed to fetch updates - %s: %s", type(network).__name__, network)
    logger.error(ValueError(words))
    for leak in ("SECRET", "OTHER", "sk-key", words):
        assert leak not in handler.text
    assert "aiogram.exceptions.TelegramBadRequest" in handler.text
    assert "caused by:" in handler.text
    assert "Cannot connect to http://h/bot<token>/getUpdates <secret>" in handler.text
