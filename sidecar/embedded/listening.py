"""The sockets that the server listens on, bound before the process gives up the right to."""

import contextlib
import socket
from collections.abc import Sequence
from typing import NoReturn


def bind(host: str, port: int) -> Sequence[socket.socket]:
    """Bind each address that `host` stands for (`localhost` may be two). Raises SystemExit that names the port."""
    bound: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in dict.fromkeys(found):
                one = stack.enter_context(socket.socket(family, kind, protocol))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
                bound.append(one)
        except OSError as error:
            refuse(host, port, error)
        stack.pop_all()
    return bound


def refuse(host: str, port: int, error: OSError) -> NoReturn:
    """End the process, saying which port can't be used and what to do."""
    raise SystemExit(
        f"port {port} of {host} can't be used ({error.strerror});"
        " stop what listens there, or set CHATTRAIL_EMBEDDED_PORT"
    ) from None
