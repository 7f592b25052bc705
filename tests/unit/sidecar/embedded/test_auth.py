"""Who asks: whatever bytes a header holds, the answer is a user or a refusal."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sidecar.embedded.auth import Users
from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.settings import EmbeddedSettings

READING = "only-for-reading"
PASSWORD = "пароль:with a colon ✓"
USERS = Users(
    EmbeddedSettings.load({"CHATTRAIL_EMBEDDED_PASSWORD": PASSWORD, "CHATTRAIL_EMBEDDED_READONLY_PASSWORD": READING})
)


def basic(credentials: bytes) -> bytes:
    return b"Basic " + base64.b64encode(credentials)


def enter(**headers: bytes) -> str:
    """Authenticate with headers as aiohttp makes them of bytes."""
    given = {name.replace("_", "-"): value.decode("utf-8", "surrogateescape") for name, value in headers.items()}
    return USERS.authenticate(CIMultiDict(given), {})


def test_a_password_may_hold_anything_but_must_be_whole() -> None:
    assert enter(Authorization=basic(f"default:{PASSWORD}".encode())) == "default"
    assert enter(Authorization=b"bAsIc   " + base64.b64encode(f"readonly:{READING}".encode())) == "readonly"
    assert enter(Authorization=basic(f":{PASSWORD}".encode())) == "default"
    assert enter(X_ClickHouse_User=b"default", X_ClickHouse_Key=PASSWORD.encode()) == "default"
    with pytest.raises(ClickHouseError, match="516"):
        enter(Authorization=basic(f"default:{PASSWORD} ".encode()))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"Bearer token", "scheme"),
        (b"Digest username=default", "scheme"),
        (b"\xff\xfe", "scheme"),
        (b"Basic", "colon"),
        (b"Basic %%%", "base64"),
        (b"Basic ZGVmYXVsd", "base64"),
        (b"Basic ZGVm YXVs", "base64"),
        (b"Basic \xd0\xbf\xd0\xb0", "base64"),
        (b"Basic \xff\xff", "base64"),
        (basic(b"default"), "colon"),
        (basic(b"default:\xff\xfe"), "base64 of UTF-8"),
        (basic("default:é".encode("latin-1")), "base64 of UTF-8"),
    ],
)
def test_a_broken_authorization_header_is_401_and_says_why(header: bytes, why: str) -> None:
    with pytest.raises(ClickHouseError, match=why) as refused:
        enter(Authorization=header)
    assert (refused.value.code, refused.value.status) == (516, 401)


HEADER = st.one_of(
    st.binary(),
    st.binary().map(basic),
    st.binary().map(lambda rest: b"Basic " + rest),
    st.text(alphabet="=+/Az9 \t\x00é", max_size=9).map(lambda rest: b"Basic " + rest.encode()),
)


@given(HEADER, st.binary(), st.binary())
@example(b"Basic \xc3\xa9", b"\xff", b"\xff")
def test_any_bytes_are_a_refusal_and_nothing_worse(authorization: bytes, user: bytes, key: bytes) -> None:
    for headers in ({"Authorization": authorization}, {"X_ClickHouse_User": user, "X_ClickHouse_Key": key}):
        with pytest.raises(ClickHouseError) as refused:
            enter(**headers)
        assert refused.value.status in (401, 403)


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_parameters_are_a_refusal_too(user: str, password: str) -> None:
    decoded = [text.encode("utf-8", "replace").decode("utf-8") for text in (user, password)]
    with pytest.raises(ClickHouseError) as refused:
        USERS.authenticate(CIMultiDict(), {"user": decoded[0] or "nobody", "password": decoded[1]})
    assert refused.value.status in (401, 403)
