"""`python -m stack demo`, `up` and `run` start every part on this machine; `up` all but the bot."""

import argparse
import asyncio

from rich.console import Console

from common.private_files import keep_files_private
from stack.commands import run
from stack.settings import StackSettings


def main() -> None:
    """Parse the command line and run the stack."""
    parser = argparse.ArgumentParser(
        prog="python -m stack", description="Self-hosted analytics for Telegram chat bots."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="everything on this machine, with a simulated Telegram and its people")
    commands.add_parser("up", help="everything but the persona bot, for a bot of your own")
    commands.add_parser("run", help="everything on this machine, with the real Telegram (BOT_TOKEN)")
    command = parser.parse_args().command
    keep_files_private()
    settings = StackSettings.load_or_exit()
    raise SystemExit(asyncio.run(run(settings, Console(), command)))


if __name__ == "__main__":
    main()
