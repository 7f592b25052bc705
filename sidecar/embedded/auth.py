"""Who asks: Basic authentication, X-ClickHouse-User/-Key headers or user/password parameters; two users."""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from sidecar.embedded.errors import AUTHENTICATION_FAILED, REQUIRED_PASSWORD, ClickHouseError
from sidecar.embedded.settings import EmbeddedSettings

ADMIN: Final = "default"
READER: Final = "readonly"


class Users:
    """The users of one server. `readonly` exists with a password, or on loopback."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._passwords = {ADMIN: _bytes(settings.password)}
        if settings.readonly_password or settings.on_loopback:
            self._passwords[READER] = _bytes(settings.readonly_password)

    def authenticate(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The user's name. Raises ClickHouseError (194 when no password was given, else 516), the same for any name."""
        name, password = _credentials(headers, query)
        known = self._passwords.get(name)
        # the comparison is made for an unknown name too, so that time tells nothing about names
        right = hmac.compare_digest(password.encode(), known if known is not None else b"\x00no such user")
        if right and known is not None:
            return name
        if not password and known is not None:
            raise ClickHouseError(
                REQUIRED_PASSWORD, f"{name}: Authentication failed: a password is required for this user"
            )
        raise ClickHouseError(
            AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
        )


def _bytes(secret: SecretStr | None) -> bytes:
    return secret.get_secret_value().encode() if secret else b""


def _credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User") or ADMIN, headers.get("X-ClickHouse-Key", "")
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "basic":
            raise ClickHouseError(AUTHENTICATION_FAILED, f"Authentication failed: {scheme} is not supported, use Basic")
        try:
            name, _, password = b64decode(value.strip(), validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            raise ClickHouseError(AUTHENTICATION_FAILED, "Authentication failed: the header is not base64") from None
        return name or ADMIN, password
    return query.get("user") or ADMIN, query.get("password", "")
