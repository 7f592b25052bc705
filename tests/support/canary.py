"""A canary on every address of this machine, and a host whose answers are written out byte for byte."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

import psutil


def own_addresses() -> list[str]:
    """Every address of this machine that can be listened on and is not on the internet, those of the network first."""
    found = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
        and "%" not in entry.address
        and not ipaddress.ip_address(entry.address).is_global
    ]
    return sorted(found, key=lambda address: address.startswith("127.") or address == "::1")


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_host(answer: bytes, drop: bytes | None = None, *, reset: bool = False) -> AsyncIterator[str]:
    """A host that says its answer, then the same drop again and again until the other side has enough."""
    calls: set[asyncio.Task[None]] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if reset:
            writer.transport.abort()
        elif drop is None:
            writer.write_eof()
        while not reader.at_eof():
            if drop:
                writer.write(drop)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.02 if drop else None)

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            with contextlib.suppress(ConnectionError):
                await speak(reader, writer)
        finally:
            await hang_up(writer)

    server = await asyncio.start_server(call, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/CANARY.png"
    finally:
        server.close()
        await asyncio.gather(*calls)


@dataclass
class Canary:
    """Listens wherever this machine can be reached, and notes what came and what was tried."""

    port: int = 0
    hits: int = 0
    tried: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=own_addresses)

    async def __aenter__(self) -> Self:
        first = await asyncio.start_server(self._hit, "127.0.0.1", 0)
        self.port = first.sockets[0].getsockname()[1]
        self._servers = [first]
        for address in self.where:
            if address != "127.0.0.1":
                self._servers.append(await asyncio.start_server(self._hit, address, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _hit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        await hang_up(writer)
