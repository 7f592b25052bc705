"""`python -m bot.simulation.cloudflare`: Cloudflare Images on this machine, for archives without an account."""

import argparse
import asyncio
import signal
import sys
import time

from bot.simulation.cloudflare_api import CloudflareServer


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bot.simulation.cloudflare", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8082, help="port; 0 takes a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than the wall clock its time runs")
    options = parser.parse_args()
    if options.speed <= 0:
        parser.error("--speed must be above 0")
    try:
        asyncio.run(serve(options.host, options.port, options.speed))
    except OSError as error:
        sys.exit(f"Cannot listen on {options.host}:{options.port} ({error.strerror or error}); give --port a free one.")


async def serve(host: str, port: int, speed: float) -> None:
    """Run the server until a signal comes."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    began = time.time()
    async with CloudflareServer(host=host, port=port, clock=lambda: began + (time.time() - began) * speed) as server:
        print(f"simulated Cloudflare Images is ready on {server.api_url}, account {server.account_id}", flush=True)
        await ended.wait()


if __name__ == "__main__":
    main()
