"""Which open connections of a server wait for their peer, and which to close when there are too many of them.

A connection waits while its peer has not sent a whole request, or does not take its answer. Above a limit the one that has
waited longest is closed: new connections are always accepted, so silent peers cannot keep others out, and a connection
whose request is being worked on is never closed.
"""

import ipaddress
import socket
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar
from urllib.parse import urlsplit

C = TypeVar("C", bound=Hashable)
OTHER_FILES = 200  # open files of a process beside its clients' connections


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address. Of names, localhost alone is known to be one."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_unencrypted(address: str | None) -> bool:
    """Whether what is sent to a URL crosses a network in the clear: http to another machine."""
    parts = urlsplit(address or "")
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def in_url(host: str) -> str:
    """A host as it stands in an address: an IPv6 address has brackets there."""
    return f"[{host}]" if ":" in host else host


def why_taken(host: str, port: int) -> str | None:
    """Why nothing new can listen on a port, or None. A part asks at its start, to name the setting to change."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def network(address: str) -> str:
    """The network that counts as one peer: an IPv4 address, or the /64 of an IPv6 one, of which a subscriber owns all."""
    try:
        parsed = ipaddress.ip_address(without_port(address))
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def without_port(address: str) -> str:
    """An address as proxies write it (`1.2.3.4:5678`, `[::1]:123`) without its port, brackets and zone."""
    address = address.strip()
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return address.partition("%")[0]


class WaitingConnections(Generic[C]):
    """The connections that wait, in the order in which they began to. `per_network` 0: no limit for one network."""

    def __init__(self, in_all: int, per_network: int = 0) -> None:
        self.in_all = in_all
        self._per_network = per_network
        self._waiting: dict[C, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[C]:
        return iter(self._waiting)

    def enter(self, connection: C, address: str) -> C | None:
        """Note that a connection waits from now on. Returns one to close when there are too many."""
        self.leave(connection)
        where = self._waiting[connection] = network(address)
        self._counts[where] += 1
        if self._per_network and self._counts[where] > self._per_network:
            return self._longest(where)
        if len(self._waiting) > self.in_all:  # the network with most of them gives one up
            return self._longest(self._counts.most_common(1)[0][0])
        return None

    def leave(self, connection: C) -> None:
        """Note that a connection is closed, or that its request is worked on. Does nothing when it did not wait."""
        where = self._waiting.pop(connection, None)
        if where is None:
            return
        self._counts[where] -= 1
        if not self._counts[where]:
            del self._counts[where]

    def _longest(self, where: str) -> C:
        return next(connection for connection, network in self._waiting.items() if network == where)


def within_open_files(connections: int, per_connection: int = 1) -> int:
    """As many connections as the system allows open files for; the soft limit, often 1024, is raised first where it can be."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections * per_connection + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    return max(1, (soft - OTHER_FILES) // per_connection)
