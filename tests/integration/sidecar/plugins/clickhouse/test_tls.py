"""A ClickHouse URL that says https gets TLS, whatever its port: the first thing that is sent is a handshake, no password."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sidecar.errors import RetryableError
from sidecar.plugins.clickhouse.dead_letters import dead_letter_groups
from sidecar.plugins.clickhouse.deduplication import forget
from sidecar.plugins.clickhouse.migrate import migrate
from sidecar.plugins.images.table import ImagesTable

HANDSHAKE = b"\x16\x03"


@pytest.fixture
def received() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a listener that closes each connection after the first bytes; and those."""
    begins: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    begins.append(connection.recv(2))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], begins
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "connect",
    [migrate, forget, dead_letter_groups, lambda url: asyncio.run(ImagesTable.connect(url, 5))],
    ids=["migrate", "forget", "dead letters", "images"],
)
def test_https_is_tls_on_any_port(connect: Callable[[str], object], received: tuple[int, list[bytes]]) -> None:
    port, begins = received
    with pytest.raises(RetryableError):
        connect(f"https://chattrail:secret-password@127.0.0.1:{port}/chattrail")
    assert begins
    assert set(begins) == {HANDSHAKE}
