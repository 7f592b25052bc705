"""Addresses and URLs that must not be fetched: none reaches a canary on this machine, each has a reason."""

import asyncio
import socket

import pytest

from sidecar.errors import Permanent, Retryable
from sidecar.plugins.images.addresses import CheckedResolver, is_public
from sidecar.plugins.images.fetch import Fetcher

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "223.255.255.1", "2606:4700::1111", "2a00:1450:4001::1"]
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c:0:fbff:80ff:fffe", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%lo", "2606:4700::1%1", "fec0::1", "ff02::1", "ff0e::1", "not an address", "",
]  # fmt: skip
PORT = "{port}"
REFUSED = [
    # every notation of an address of this machine that a resolver understands
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://0/", "https://0.0.0.0/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25lo]/", "https://localhost/",
    "https://LOCALHOST/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://127.0.0.1./",
    "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://[fd00:ec2::254]/",
    # other schemes, ports and parts
    "http://1.1.1.1/", "https://1.1.1.1:8443/", "https://1.1.1.1:22/", "https://user@1.1.1.1/", "https://u:p@1.1.1.1/",
    "https://1.1.1.1@127.0.0.1/", "ftp://1.1.1.1/", "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:1",
    "gopher://127.0.0.1/", "//127.0.0.1/", "/files/cat.png", "cat.png", "", " ", "https://", "https:///etc", "https://:443/",
    "https://[/", "https://[::1/", "https://1.1.1.1:99999/", "https://1.1.1.1:port/", "https://exa mple/", "\x00",
    f"http://127.0.0.1:{PORT}/", f"https://127.0.0.1:{PORT}/", f"http://localhost:{PORT}/", f"http://[::1]:{PORT}/",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address: str) -> None:
    assert not is_public(address)


async def test_a_final_dot_does_not_help() -> None:
    async with Fetcher(max_bytes=1000, timeout_s=5) as fetcher:
        # some resolvers know the name with its dot, others don't: refused or not reachable, and never fetched
        with pytest.raises((Permanent, Retryable), match=r"not public|can't be reached"):
            await fetcher.fetch("https://localhost./")


@pytest.mark.parametrize("url", REFUSED)
async def test_attacks_reach_no_canary(url: str) -> None:
    reached = 0

    def canary(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    server = await asyncio.start_server(canary, "localhost")
    async with server, Fetcher(max_bytes=1000, timeout_s=5) as fetcher:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Permanent, match="picture's") as caught:
            await fetcher.fetch(url.replace(PORT, str(port)))
        assert "127.0.0.1" not in caught.value.reason
    assert reached == 0


async def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(_loop: object, _host: str, port: int, **_: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("93.184.216.34", "192.168.0.1")
        ]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", both)
    with pytest.raises(Permanent, match="not public"):
        await CheckedResolver().resolve("rebinding.example", 443)
    async with Fetcher(max_bytes=1000, timeout_s=5) as fetcher:
        with pytest.raises(Permanent, match="not public"):
            await fetcher.fetch("https://rebinding.example/cat.png")


async def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    async with Fetcher(max_bytes=1000, timeout_s=20) as fetcher:
        with pytest.raises(Retryable, match="can't be reached"):
            await fetcher.fetch("https://no-such-host.invalid/cat.png")


async def test_a_host_exempted_for_tests_must_be_on_this_machine() -> None:
    resolver = CheckedResolver(["127.0.0.1"])
    resolver.check("127.0.0.1", "127.0.0.1")
    with pytest.raises(Permanent, match="not on this machine"):
        resolver.check("127.0.0.1", "192.168.0.1")
    with pytest.raises(Permanent, match="not public"):
        resolver.check("localhost", "127.0.0.1")
