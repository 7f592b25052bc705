"""Which requests come from a web page of another site, and which names a server without passwords answers to."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.origin import refuse_other_names, refuse_other_sites

HERE = "127.0.0.1:8123"


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("Origin", f"http://{HERE}")],
        [("Origin", f"https://{HERE}")],  # a proxy that ends TLS
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "https://behind.a.proxy")],
        [("Sec-Fetch-Site", "none")],
        [("Sec-Fetch-Mode", "cors"), ("User-Agent", "node")],
    ],
)
def test_programs_and_own_pages_may_ask(pairs: list[tuple[str, str]]) -> None:
    refuse_other_sites(headers(("Host", HERE), *pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        [("Origin", "http://elsewhere.example")],
        [("Origin", "http://127.0.0.1:3000")],
        [("Origin", "http://localhost:8123")],
        [("Origin", "null")],
        [("Origin", "")],
        [("Origin", "http://[")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site"), ("Origin", f"http://{HERE}")],
        [("Sec-Fetch-Site", "")],
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
    ],
)
def test_pages_of_other_sites_may_not(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ClickHouseError, match="another site") as refused:
        refuse_other_sites(headers(("Host", HERE), *pairs))
    assert (refused.value.code, refused.value.status) == (497, 403)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "localhost:8123",
        "LocalHost:1",
        "127.0.0.1",
        "127.0.0.1:8123",
        "127.9.9.9:80",
        "[::1]",
        "[::1]:8123",
    ],
)
def test_loopback_has_these_names(name: str) -> None:
    refuse_other_names(headers(("Host", name)))


@pytest.mark.parametrize(
    "names",
    [
        [],
        [""],
        ["elsewhere.example:8123"],
        ["localhost.elsewhere.example"],
        ["127.0.0.1.elsewhere.example"],
        ["0.0.0.0:8123"],
        ["192.168.0.5:8123"],
        ["2130706433"],
        ["127.1"],
        ["localhost:80:80"],
        ["localhost:x"],
        ["localhost@elsewhere.example"],
        ["elsewhere.example@localhost"],
        ["localhost/"],
        ["localhost?"],
        ["[::1"],
        ["[::1%1]x"],
        [":8123"],
        ["localhost", "elsewhere.example"],
        ["localhost", "localhost"],
    ],
)
def test_other_names_are_refused_to_who_has_no_password(names: list[str]) -> None:
    with pytest.raises(ClickHouseError, match="CHATTRAIL_EMBEDDED_PASSWORD") as refused:
        refuse_other_names(headers(*(("Host", name) for name in names)))
    assert (refused.value.code, refused.value.status) == (497, 403)


@given(st.text(), st.text(), st.text())
def test_no_header_is_too_strange(host: str, origin: str, site: str) -> None:
    given = headers(("Host", host), ("Origin", origin), ("Sec-Fetch-Site", site))
    for check in (refuse_other_sites, refuse_other_names):
        with contextlib.suppress(ClickHouseError):
            check(given)
