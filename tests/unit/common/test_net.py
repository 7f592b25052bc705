"""Which connection is closed when too many wait for their peers."""

import resource

import pytest

from common.net import OTHER_FILES, WaitingConnections, network, within_open_files


def test_in_all_the_longest_of_who_has_most_is_closed() -> None:
    waiting: WaitingConnections[str] = WaitingConnections(4)
    assert [waiting.enter(name, "192.0.2.1") for name in "abc"] == [None] * 3
    assert waiting.enter("d", "192.0.2.2") is None
    assert waiting.enter("e", "192.0.2.3") == "a"
    waiting.leave("a")
    assert list(waiting) == ["b", "c", "d", "e"]
    waiting.enter("b", "192.0.2.1")  # its last request is done: it waits anew
    assert waiting.enter("f", "192.0.2.4") == "c"


def test_one_network_has_a_limit_of_its_own() -> None:
    waiting: WaitingConnections[int] = WaitingConnections(100, 3)
    closed = [waiting.enter(number, f"2001:db8::{number:x}") for number in range(4)]
    assert closed == [None, None, None, 0]
    assert waiting.enter(9, "192.0.2.1") is None
    waiting.leave(0)
    waiting.leave(0)
    waiting.leave(1)
    assert waiting.enter(10, "2001:db8::") is None
    assert len(waiting) == 4


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:80", "2001:db8::/64"),
        ("2001:db8::1%eth0", "2001:db8::/64"),
        ("not an address", "unknown"),
    ],
)
def test_networks(address: str, counts_as: str) -> None:
    assert network(address) == counts_as


def test_connections_stay_within_the_files_that_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.update(now=wanted))
    assert within_open_files(100) == 100
    assert limits["now"] == (1024, 4096)
    assert within_open_files(1000) == 1000
    assert limits["now"] == (1000 + OTHER_FILES, 4096)
    assert within_open_files(10_000, 2) == (4096 - OTHER_FILES) // 2
    assert limits["now"] == (4096, 4096)
