"""Addresses that must not be connected to; URLs that lead there: test_attacks.py."""

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.fetch.addresses import CheckedResolver, DnsLookup, why_refused
from tests.support.closing import fetcher_of, running

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "223.255.255.1", "2606:4700::1111", "2a00:1450:4001::1"]
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c:0:fbff:80ff:fffe", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "2a00:1450::5efe:a00:1", "2a00:1450::200:5efe:a00:1", "::ffff:0:127.0.0.1", "168.63.129.16", "192.31.196.1",
    "fe80::1%lo", "2606:4700::1%1", "fec0::1", "ff02::1", "ff0e::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert why_refused(address) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address: str) -> None:
    assert why_refused(address) is not None


async def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    async with running(fetcher_of(timeout_s=20)) as fetcher:
        with pytest.raises(RetryableError, match="can't be reached"):
            await fetcher.fetch("https://no-such-host.invalid/cat.png")


async def test_a_host_exempted_for_tests_must_be_on_this_machine() -> None:
    resolver = CheckedResolver(DnsLookup(), ["127.0.0.1"])
    resolver.check("127.0.0.1", "127.0.0.1")
    with pytest.raises(PermanentError, match="not on this machine"):
        resolver.check("127.0.0.1", "192.168.0.1")
    with pytest.raises(PermanentError, match="not public"):
        resolver.check("localhost", "127.0.0.1")
