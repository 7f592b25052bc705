"""Checks before the start that every port is free, and says what holds those that are not."""

from collections.abc import Iterable
from contextlib import suppress

import psutil

from common.net import why_taken
from stack.process import Service, StackError


def require_free_ports(services: Iterable[Service]) -> None:
    """Raise StackError with a line for each port that is taken: its variable, what listens there, what to do."""
    taken = [
        _refusal(service.title, variable, port)
        for service in services
        for variable, port in service.ports.items()
        if why_taken("127.0.0.1", port)
    ]
    if taken:
        raise StackError("\n".join(taken))


def _refusal(title: str, variable: str, port: int) -> str:
    listener = _listener(port)
    if listener is None:
        by, remedy = "", "stop what listens there"
    elif found := _launcher_of(listener):
        command, pid = found
        by, remedy = f" by `make {command}` (process {pid})", f"end that first (Ctrl-C, or `kill {pid}`)"
    else:
        by, remedy = f" by {listener.name()} (process {listener.pid})", "stop that"
    return f"Port {port} for {title} is taken{by}: {remedy}, or set {variable} to a free port."


def _listener(port: int) -> psutil.Process | None:
    """Return the process that listens on a port; None where the system does not tell, as of another user's."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.pid
                and getattr(connection.laddr, "port", 0) == port
            ):
                return psutil.Process(connection.pid)
    return None


def _launcher_of(process: psutil.Process) -> tuple[str, int] | None:
    """Return the command and the id of the launcher that a process belongs to."""
    with suppress(psutil.Error):
        for one in (process, *process.parents()):
            words = one.cmdline()
            if "stack" in words[:-1] and words[words.index("stack") - 1] == "-m":
                return words[words.index("stack") + 1], one.pid
    return None
