"""How people are named in addresses: any id, however long, has one address that only it has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.analytics.person_key import KEPT_MAX, address_of, key_of, read_address, text_of

ids = st.one_of(
    st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), st.binary(min_size=1).map(text_of)
)


@given(ids)
def test_an_address_leads_back(client_id: str) -> None:
    address = address_of(client_id)
    assert re.fullmatch(r"~?[A-Za-z0-9_-][A-Za-z0-9_.-]*", address)
    assert read_address(address) == key_of(client_id)
    assert len(address) <= 1 + (KEPT_MAX + 1) * 4 / 3 + 1


@given(ids, ids)
def test_no_two_people_share_an_address(one: str, other: str) -> None:
    assert (address_of(one) == address_of(other)) == (one == other)


def test_usual_ids_stand_as_they_are() -> None:
    for client_id in ("5000000035", "5f2b9c", "a_b-c.d", "0"):
        assert address_of(client_id) == client_id


@pytest.mark.parametrize(
    "client_id", ["..", ".", ".hidden", "~", "~YQ", "a/b", "a%2Fb", "a b", "ü", "\\", "x" * (KEPT_MAX + 1)]
)
def test_others_are_encoded(client_id: str) -> None:
    assert address_of(client_id).startswith("~")
    assert read_address(address_of(client_id)) == key_of(client_id)


@pytest.mark.parametrize("typed", ["a/b", "a b", "~not base64!", "~", "ü", "/", "a//b", "-/.."])
def test_an_id_may_be_typed_as_it_is(typed: str) -> None:
    assert read_address(typed) == typed.encode()


def test_a_long_id_cannot_be_taken_for_another() -> None:
    long = "x" * (KEPT_MAX + 200)
    assert len(key_of(long)) == KEPT_MAX + 1
    assert key_of(text_of(key_of(long))) != key_of(long)
    assert key_of(long) != key_of(long + "x")
    assert key_of("x" * KEPT_MAX) == b"x" * KEPT_MAX
