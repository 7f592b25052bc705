"""gunicorn, configured from the settings: one process with few threads by default, made for a small machine."""

import logging
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

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
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.port}",
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
        local = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        self._url = self.settings.public_url or local

    def _ready(self, worker: Any) -> None:
        if worker.age == 1:
            sys.stdout.write(f"web is ready at {self._url}\n")
            sys.stdout.flush()


def serve(settings: WebSettings, server: type[Server] = Server) -> None:
    """Serve until SIGTERM or SIGINT. Exits with 1 and a sentence when the port is taken."""
    keep_files_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    _check_port(settings)
    _check_data(settings)
    server(settings).run()


def _check_port(settings: WebSettings) -> None:
    """Say at once what gunicorn would say after five seconds of trying."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            sys.stderr.write(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror});"
                " choose another CHATTRAIL_WEB_HOST or CHATTRAIL_WEB_PORT.\n"
            )
            raise SystemExit(1) from None


def _check_data(settings: WebSettings) -> None:
    """Say at the start, not at the first login, that the sign-in database cannot be written."""
    try:
        with AuthDatabase(settings.data / SIGN_IN_FILE, time.time).write():
            pass
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"Cannot write to {settings.data} ({error}); choose another CHATTRAIL_WEB_DATA.\n")
        raise SystemExit(1) from None
