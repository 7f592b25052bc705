"""Which addresses on the network an image may be fetched from: public unicast ones, and nothing that leads elsewhere.

`ipaddress.is_global` alone says True for tunnels and translations that carry a private IPv4 address inside, and for
multicast. So the registries are written out here, each entry with the word that the refusal says.
Sources: IANA's IPv4 and IPv6 special-purpose address registries; RFC 6052 and 8215 (NAT64), 5214 (ISATAP).
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Future

from aiohttp.abc import AbstractResolver, ResolveResult

from common.net import is_loopback
from sidecar.errors import PermanentError

Lookup = Callable[[str], Awaitable[Collection[str]]]
MOST_ADDRESSES = 16  # tried for one name; a name with hundreds is not of an image host

_REFUSED = tuple(
    (ipaddress.ip_network(network), what)  # the first entry that holds an address counts
    for what, networks in {
        "unspecified": "0.0.0.0/8 ::/128",
        "loopback": "127.0.0.0/8 ::1/128",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "shared by a provider's customers": "100.64.0.0/10",
        "a cloud's metadata": "168.63.129.16/32",  # of Azure: in public space, reachable from its machines only
        "link-local": "169.254.0.0/16 fe80::/10",
        "site-local": "fec0::/10",
        "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "anycast": "192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 2620:4f:8000::/48",
        "6to4": "192.88.99.0/24 2002::/16",
        "benchmarks": "198.18.0.0/15 2001:2::/48",
        "multicast": "224.0.0.0/4 ff00::/8",
        "IPv4-compatible": "::/96",
        "IPv4-mapped": "::ffff:0:0/96",
        "IPv4-translated": "::ffff:0:0:0/96",
        "NAT64": "64:ff9b::/96 64:ff9b:1::/48",
        "discarded": "100::/64",
        "Teredo": "2001::/32",
        "reserved": "192.0.0.0/24 240.0.0.0/4 2001::/23",
    }.items()
    for network in networks.split()
)
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_ISATAP = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")


def why_refused(text: str) -> str | None:
    """Return in a word why an address literal is not public unicast, or None when it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "no address"
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return "with a zone"
    for network, what in _REFUSED:
        if address in network:
            return what
    if isinstance(address, ipaddress.IPv6Address):
        if address.packed[8:12] in _ISATAP:
            return "ISATAP"
        if address not in _UNICAST_V6:
            return "reserved"
    return None if address.is_global else "reserved"


class DnsLookup:
    """The machine's resolver, on threads of its own. A lookup whose caller has gone keeps its place until it is given up.

    The loop's own pool of threads, which getaddrinfo takes otherwise, is small, is what events wait for when they go to
    disk, and is waited for at the end of the process: a name server that never answers must not delay those.
    """

    def __init__(self, at_once: int = 32) -> None:
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, host: str) -> list[str]:
        """Return a name's addresses, each once. Raises OSError when it has none."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        addresses: Future[list[str]] = Future()
        addresses.set_running_or_notify_cancel()  # a caller that goes cancels its wait, not the lookup

        def look_up() -> None:
            try:
                # as bytes: text would be put through an old form of IDNA, which raises UnicodeError for more than that
                infos = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
            except UnicodeError:
                addresses.set_exception(OSError("not a name"))
            except OSError as error:
                addresses.set_exception(error)
            else:
                addresses.set_result(list(dict.fromkeys(str(address[0]) for *_, address in infos)))
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(self._places.release)

        try:
            threading.Thread(target=look_up, name="image host lookup", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            self._places.release()
            raise OSError("no thread for a lookup") from None
        return await asyncio.wrap_future(addresses)


class CheckedResolver(AbstractResolver):
    """Resolves names and refuses them when any address is not public; the connector uses exactly what was checked."""

    def __init__(self, lookup: Lookup, loopback_hosts: Collection[str] = ()) -> None:
        self._lookup = lookup
        self._loopback_hosts = frozenset(loopback_hosts)

    def check(self, host: str, address: str) -> None:
        """Raise PermanentError unless `address` may be connected to for `host`."""
        if host in self._loopback_hosts:
            if not is_loopback(address):
                raise PermanentError("the image's host is not on this machine, though the settings say so")
        elif (what := why_refused(address)) is not None:
            raise PermanentError(f"the image's host has an address that is not public ({what})")

    def socket_to(self, info: tuple[int | socket.AddressFamily, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Make the socket for one connection of aiohttp's connector: the last check of where it leads."""
        family, kind, proto, _, (address, *_) = info
        if why_refused(str(address)) and not (self._loopback_hosts and is_loopback(str(address))):
            raise PermanentError("the image's host has an address that is not public (unchecked)")
        return socket.socket(family, kind, proto)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve for aiohttp's connector. Raises PermanentError for a refused address, OSError when there is no such name."""
        addresses = await self._lookup(host)
        for address in addresses:
            self.check(host, address)
        if not addresses:
            raise OSError("no address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in list(addresses)[:MOST_ADDRESSES]
        ]

    async def close(self) -> None:
        """Nothing to close."""
