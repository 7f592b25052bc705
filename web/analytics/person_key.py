"""How a person is named in addresses, cursors and queries, whatever their id is made of and however long it is.

A key is the id itself, in bytes, up to KEPT_MAX of them; of a longer one its beginning and its SHA-256. Both forms differ in
length, so no id can pass for another's key. In an address an id of letters, digits, `_`, `-` and `.` stands as it is; any other
key is `~` and its base64url: proxies decode `%2F`, join `//` and resolve `..`, and browsers do some of it, too.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence

from werkzeug.routing import BaseConverter

KEPT_MAX = 300
BEGINNING = KEPT_MAX + 1 - 64
PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def key_of(client_id: str) -> bytes:
    """The key of an id; bytes that are no UTF-8 come as surrogates, see `text_of`."""
    whole = client_id.encode("utf-8", "surrogateescape")
    return whole if len(whole) <= KEPT_MAX else whole[:BEGINNING] + hashlib.sha256(whole).hexdigest().encode()


def text_of(raw: bytes) -> str:
    """An id as text, from which `key_of` makes the same bytes again."""
    return raw.decode("utf-8", "surrogateescape")


def address_of(client_id: str) -> str:
    """The segment of an address that stands for a person."""
    key = key_of(client_id)
    if len(key) <= KEPT_MAX and PLAIN.fullmatch(client_id):
        return client_id
    return "~" + base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def read_address(segment: str) -> bytes:
    """The key that a part of an address stands for: encoded as `address_of` does it, or the id as it is."""
    if segment.startswith("~"):
        try:
            key = base64.b64decode(segment[1:] + "=" * (-len(segment[1:]) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return key_of(segment)
        if 0 < len(key) <= KEPT_MAX + 1:
            return key
    return key_of(segment)


def sql_key(column: str) -> str:
    """The same in SQL."""
    return (
        f"if(length({column}) <= {KEPT_MAX}, {column},"
        f" concat(substring({column}, 1, {BEGINNING}), lower(hex(SHA256({column})))))"
    )


def sql_is_one_of(column: str, keys: Sequence[bytes]) -> str:
    """A condition on a column of ids; its parameter `keys` is made by `hexed`. Ids of usual length go by the primary key: for a
    set from a subquery ClickHouse uses it, for an array that a lambda makes it reads the whole table."""
    given = "(SELECT unhex(arrayJoin({keys:Array(String)})))"
    if all(len(key) <= KEPT_MAX for key in keys):
        return f"{column} IN {given}"
    return f"({column} IN {given} OR length({column}) > {KEPT_MAX} AND {sql_key(column)} IN {given})"


def hexed(keys: Sequence[bytes]) -> list[str]:
    """Keys as a parameter: in hexadecimal, since they may hold anything."""
    return [key.hex() for key in keys]


class PersonConverter(BaseConverter):
    """`<person:client_id>` in a route: takes slashes, too, so that an id may be typed as it is."""

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> bytes:
        """The key of the person."""
        return read_address(value)

    def to_url(self, value: str) -> str:
        """The address of a client_id."""
        return address_of(value)
