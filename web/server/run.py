"""gunicorn, configured from the settings: one process with few threads by default, made for a small machine."""

import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from common.log_format import log_to_stderr
from common.net import in_url, why_taken
from common.private_files import keep_files_private
from web import SIGN_IN_FILE, create_app
from web.auth.database import AuthDatabase
from web.settings import WebSettings

WORKER_TIMEOUT_S = 30  # a worker whose event loop stands still for so long is replaced
GRACE_S = 4  # running requests get this long at SIGTERM
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - heartbeat files: no disk is touched, gunicorn makes them safely


class Server(BaseApplication):  # type: ignore[misc]
    """Makes the app in each worker after the fork, so that no connection is shared between processes."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self._url = ""
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options; nothing is read from the command line or from a file."""
        settings = self.settings
        options: dict[str, Any] = {
            "bind": f"{in_url(settings.host)}:{settings.port}",
            "workers": settings.workers,
            "worker_class": "web.server.worker.Worker",
            "graceful_timeout": GRACE_S,
            "timeout": WORKER_TIMEOUT_S,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": "chattrail-web",
            "worker_tmp_dir": str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None,
            "forwarded_allow_ips": "",  # what proxies say is believed by CHATTRAIL_WEB_PROXIES only
            "control_socket_disable": True,
            "when_ready": self._listening,
            "post_worker_init": self._ready,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app of a worker."""
        return create_app(self.settings)

    def _listening(self, arbiter: Any) -> None:
        host, port, *_ = arbiter.LISTENERS[0].sock.getsockname()
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
        self._url = self.settings.public_url or f"http://{in_url(address)}:{port}"

    def _ready(self, worker: Any) -> None:
        if worker.age == 1:
            sys.stdout.write(f"web is ready at {self._url}\n")
            sys.stdout.flush()


def serve(settings: WebSettings, server: type[Server] = Server) -> None:
    """Serve until SIGTERM or SIGINT. Exits with 1 and a sentence when the port is taken or the data cannot be written."""
    keep_files_private()
    log_to_stderr()
    if reason := why_taken(settings.host, settings.port):  # gunicorn would say it after five seconds of trying
        raise SystemExit(
            f"Cannot listen on {settings.host}:{settings.port} ({reason});"
            " choose another CHATTRAIL_WEB_HOST or CHATTRAIL_WEB_PORT."
        )
    try:  # at the start, not at the first login
        with AuthDatabase(settings.data / SIGN_IN_FILE, time.time).write():
            pass
    except (OSError, sqlite3.Error) as error:
        raise SystemExit(f"Cannot write to {settings.data} ({error}); choose another CHATTRAIL_WEB_DATA.") from None
    server(settings).run()
