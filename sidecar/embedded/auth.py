"""Who asks: Basic authentication, X-ClickHouse-User/-Key headers or user/password parameters; three users."""

import hmac
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.settings import EmbeddedSettings

ADMIN: Final = "default"
READER: Final = "readonly"
SAVER: Final = "saving"  # may put rows into one table
HEADER_BYTES: Final = ("utf-8", "surrogateescape")  # how a header's bytes became text


class Users:
    """The users of one server. `readonly` exists with a password, or on loopback, `saving` with a password only."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._passwords = {ADMIN: _bytes(settings.password)}
        if settings.readonly_password or settings.on_loopback:
            self._passwords[READER] = _bytes(settings.readonly_password)
        if settings.saving_password and settings.saving_password.get_secret_value():
            self._passwords[SAVER] = _bytes(settings.saving_password)

    def authenticate(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The user's name. Raises ClickHouseError: 194 when no password was given, else 516.

        A wrong name and a wrong password give the same error; a header that can't be read is 516 with status 401.
        """
        name, password = _credentials(headers, query)
        known = self._passwords.get(name)
        # the comparison is made for an unknown name too, so that time tells nothing about names
        right = hmac.compare_digest(password.encode(*HEADER_BYTES), known if known is not None else b"\x00no such user")
        if right and known is not None:
            return name
        if not password and known is not None:
            raise ClickHouseError(
                Code.REQUIRED_PASSWORD, f"{name}: Authentication failed: a password is required for this user"
            )
        raise ClickHouseError(
            Code.AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
        )

    def enters_freely(self, name: str) -> bool:
        """Whether a user needs no password."""
        return not self._passwords[name]


def _bytes(secret: SecretStr | None) -> bytes:
    return secret.get_secret_value().encode(*HEADER_BYTES) if secret else b""


def _credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User") or ADMIN, headers.get("X-ClickHouse-Key", "")
    given = headers.get("Authorization", "").split(maxsplit=1)
    if not given:
        return query.get("user") or ADMIN, query.get("password", "")
    if given[0].lower() != "basic":
        raise _unreadable("its scheme is not Basic")
    try:
        name, colon, password = b64decode("".join(given[1:]), validate=True).decode().partition(":")
    except ValueError:  # binascii's error and Unicode's, and b64decode's for what is not ASCII
        raise _unreadable("it is not base64 of UTF-8") from None
    if not colon:
        raise _unreadable("there is no colon between name and password")
    return name or ADMIN, password


def _unreadable(why: str) -> ClickHouseError:
    return ClickHouseError(
        Code.AUTHENTICATION_FAILED, f"Authentication failed: the header Authorization can't be used: {why}", status=401
    )
