"""`python -m stack.simulators.cloudflare`: Cloudflare Images on this machine, for archives without an account."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

from common.private_files import keep_files_private
from stack.simulators.cloudflare.server import CloudflareServer

ACCOUNT = {
    "account-id": "the account's id, 32 hex digits",
    "token": "the API token",
    "account-hash": "the account's name in addresses of images",
    "signing-key": "the key that addresses are signed with",
}


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m stack.simulators.cloudflare", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8084, help="port; 0 takes a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="speed of its clock; 60 makes minutes seconds")
    parser.add_argument(
        "--data", dest="folder", type=Path, help="folder to keep images in; without it they are in memory"
    )
    for name, what in ACCOUNT.items():
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, help=what)
    options = vars(parser.parse_args())
    keep_files_private()
    speed = options.pop("speed")
    if speed <= 0:
        parser.error("--speed must be above 0")
    try:
        asyncio.run(serve(speed, **options))
    except OSError as error:
        where = f"{options['host']}:{options['port']}"
        sys.exit(f"Cannot listen on {where} ({error.strerror or error}); give --port a free one.")


async def serve(speed: float, **given: Any) -> None:
    """Run the server until a signal comes; `given` is what CloudflareServer takes."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    began = time.time()
    async with CloudflareServer(clock=lambda: began + (time.time() - began) * speed, **given) as server:
        print(f"simulated Cloudflare Images is ready on {server.api_url}, account {server.account_id}", flush=True)
        await ended.wait()


if __name__ == "__main__":
    main()
