"""The simulation as a process: it says when it is ready, ends on a signal, and names what stops it from starting."""

import asyncio
import os
import signal
import socket
import sys

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer


async def start_process(**environment: str) -> asyncio.subprocess.Process:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CHATTRAIL_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "stack.simulators",
        env=clean | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_says_when_it_is_ready_and_ends_on_a_signal(number: signal.Signals) -> None:
    process = await start_process(
        CHATTRAIL_SIMULATION_PORT="0", CHATTRAIL_SIMULATION_PEOPLE="40", CHATTRAIL_SIMULATION_PACE="5"
    )
    assert process.stdout
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    assert line.startswith("simulated Telegram is ready on http://127.0.0.1:")
    url = line.split()[5]
    session = AiohttpSession(api=TelegramAPIServer.from_base(url))
    async with Bot("42:SIMULATED", session=session) as bot:
        polling = asyncio.create_task(bot.get_updates(timeout=30))
        updates = await asyncio.wait_for(polling, 30)
        assert updates[0].message
        waiting = asyncio.create_task(bot.get_updates(offset=updates[-1].update_id + 1000, timeout=30))
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 10)  # and not when the poll is over
        await asyncio.wait([waiting])
        waiting.exception()
    assert (process.returncode, errors.decode()) == (0, "")


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start_process(CHATTRAIL_SIMULATION_PORT=str(port))
        _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in errors.decode()
    assert "CHATTRAIL_SIMULATION_PORT" in errors.decode()


async def test_wrong_settings_are_named() -> None:
    process = await start_process(CHATTRAIL_SIMULATION_PACE="0", CHATTRAIL_SIMULATION_TOKEN="nonsense")
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert "CHATTRAIL_SIMULATION_PACE" in errors.decode()
    assert "CHATTRAIL_SIMULATION_TOKEN" in errors.decode()
    assert "nonsense" not in errors.decode()
