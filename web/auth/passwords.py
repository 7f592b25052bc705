"""The login password, checked against its argon2 hash."""

import hashlib
import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from web.settings import WebSettings

AT_ONCE = 2  # a check takes 64 MiB and a core for 50 ms: many at once would overload a small machine
PASSWORD_MAX = 1024


class Passwords:
    """Checks one password. Without a configured hash nothing matches."""

    def __init__(self, settings: WebSettings) -> None:
        self._hash = settings.password_hash.get_secret_value() if settings.password_hash else None
        self._checks = threading.BoundedSemaphore(AT_ONCE)

    @property
    def enabled(self) -> bool:
        """Whether a password login is possible at all."""
        return self._hash is not None

    @property
    def fingerprint(self) -> str:
        """Changes with the password hash; a login remembers it, so a new password ends every login."""
        return hashlib.sha256((self._hash or "").encode()).hexdigest()[:16]

    def matches(self, password: str) -> bool:
        """Whether this is the password."""
        if self._hash is None or len(password) > PASSWORD_MAX:
            return False
        with self._checks:
            try:
                return PasswordHasher().verify(self._hash, password)
            except (Argon2Error, InvalidHashError):
                return False


def hash_password(password: str) -> str:
    """The argon2id hash of a password, for CHATTRAIL_WEB_PASSWORD_HASH."""
    return PasswordHasher().hash(password)
