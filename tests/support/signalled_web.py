"""`python -m web serve`, whose first worker gets the signal named by SIGNAL while its event loop is being made."""

import asyncio
import os
import signal
from typing import Any

from web.server.run import Server, serve
from web.settings import WebSettings

new_event_loop = asyncio.events.new_event_loop


def signalled_event_loop() -> asyncio.AbstractEventLoop:
    os.kill(os.getpid(), signal.Signals[os.environ["SIGNAL"]])
    return new_event_loop()


class Signalled(Server):
    """Says that it is ready when the second worker is, that is when the first has ended."""

    def _ready(self, worker: Any) -> None:
        if worker.age == 1:
            asyncio.events.new_event_loop = signalled_event_loop
        else:
            worker.age -= 1
            super()._ready(worker)


if __name__ == "__main__":
    serve(WebSettings.load_or_exit(), Signalled)
