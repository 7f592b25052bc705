"""Which addresses on the network a picture may be fetched from: public unicast ones, and nothing that leads elsewhere."""

import asyncio
import ipaddress
import socket
from collections.abc import Collection

from aiohttp.abc import AbstractResolver, ResolveResult

from sidecar.errors import Permanent

# `is_global` alone says True for several of these, and for addresses that carry a private IPv4 address inside
_REFUSED_V4 = tuple(map(ipaddress.IPv4Network, ("192.88.99.0/24", "224.0.0.0/3")))
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)


def is_public(text: str) -> bool:
    """Whether an address literal is public unicast. Zones, mapped and tunnelled addresses are not."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _REFUSED_V4)
    return (
        address.scope_id is None
        and address in _UNICAST_V6
        and address.is_global
        and not any(address in network for network in _REFUSED_V6)
    )


class CheckedResolver(AbstractResolver):
    """Resolves names and refuses them when any address is not public; the connector uses exactly what was checked."""

    def __init__(self, loopback_hosts: Collection[str] = ()) -> None:
        self._loopback_hosts = frozenset(loopback_hosts)

    def check(self, host: str, address: str) -> None:
        """Raise Permanent unless `address` may be connected to for `host`."""
        if host in self._loopback_hosts:
            if not ipaddress.ip_address(address).is_loopback:
                raise Permanent("the picture's host is not on this machine, though the settings say so")
        elif not is_public(address):
            raise Permanent("the picture's host has an address that is not public")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve for aiohttp's connector. Raises Permanent for a refused address, OSError when there is no such name."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        for _, _, _, _, address in found:
            self.check(host, str(address[0]))
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing to close."""
