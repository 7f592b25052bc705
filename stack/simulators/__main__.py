"""`python -m stack.simulators`: a Telegram on this machine with people in it, for bots without a token."""

import asyncio
import contextlib
import signal
import sys

from common.private_files import keep_files_private
from stack.simulators.population.population_runner import PopulationRunner
from stack.simulators.settings import SimulationSettings
from stack.simulators.telegram.server import TelegramServer


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    settings = SimulationSettings.load_or_exit()
    keep_files_private()
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        sys.exit(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror or error}); "
            "set CHATTRAIL_SIMULATION_PORT to a free port."
        )


async def serve(settings: SimulationSettings) -> None:
    """Run the Bot API and the people until a signal comes."""
    server = TelegramServer(token=settings.token.get_secret_value(), host=settings.host, port=settings.port)
    async with server:
        people = PopulationRunner(
            server, seed=settings.seed, people=settings.people, pace=settings.pace, admin_id=settings.admin_id
        )
        running = asyncio.create_task(people.run() if settings.people else asyncio.Event().wait(), name="people")
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        print(f"simulated Telegram is ready on {server.url} with {settings.people} people", flush=True)
        # An error of the people is an error of the program; a signal is its normal end.
        with contextlib.suppress(asyncio.CancelledError):
            await running


if __name__ == "__main__":
    main()
