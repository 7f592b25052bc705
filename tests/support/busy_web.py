"""`python -m web serve`, which has no thread free for who sends the cookie `busy=1`."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

from web.auth.access import REFUSED
from web.server.run import Server, serve
from web.settings import WebSettings

BUSY = "busy=1"


class Busy(Server):
    """Refuses at the door what it would refuse when all threads are at work: nothing that is a static file."""

    def load(self) -> Flask:
        app = super().load()
        inner = app.wsgi_app

        def refusing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if BUSY in environ.get("HTTP_COOKIE", "") and not environ["PATH_INFO"].startswith("/static/"):
                environ[REFUSED] = True
            return inner(environ, start_response)

        app.wsgi_app = refusing  # type: ignore[method-assign]
        return app


if __name__ == "__main__":
    serve(WebSettings.load_or_exit(), Busy)
