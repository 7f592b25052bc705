"""Runs a public bot on the chain, and compares trails with the record."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiogram import Bot, Dispatcher, Router

from stack.simulators.telegram.person import Person
from stack.simulators.telegram.record import Entry
from stack.simulators.telegram.server import TelegramServer
from tests.integration.public_bots.chain import Chain, running
from tests.integration.public_bots.trail import recorded, shown


@asynccontextmanager
async def bot_of(routers: Iterable[Router], telegram: TelegramServer, chain: Chain, name: str) -> AsyncIterator[Bot]:
    dispatcher = Dispatcher()
    dispatcher.include_routers(*routers)
    async with running(dispatcher, telegram, chain, name) as bot:
        yield bot


def check(chain: Chain, person: Person, *more: Iterable[Entry]) -> None:
    """The trail of a person is the record of their chat, and what they wrote in groups."""
    trail = shown(chain.events(person.id))
    expected = recorded(person.record)
    for record in more:
        expected += recorded(record, person.id)
    if more:
        expected.sort(key=lambda one: one.message_id)
        trail.sort(key=lambda one: one.message_id)
    assert trail == expected
    assert expected
