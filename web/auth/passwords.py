"""The login password, checked against its argon2 hash."""

import hashlib
import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from web.settings import WebSettings

AT_ONCE = 2  # a check takes 64 MiB and a core for 50 ms: many at once would overload a small machine
PASSWORD_MAX = 1024
_checks = threading.BoundedSemaphore(AT_ONCE)


def fingerprint(settings: WebSettings) -> str:
    """Changes with the password hash; a login remembers it, so a new password ends every login."""
    return hashlib.sha256(_hash(settings).encode()).hexdigest()[:16]


def is_password(settings: WebSettings, password: str) -> bool:
    """Whether this is the password. Without a configured hash nothing is."""
    if settings.password_hash is None or len(password) > PASSWORD_MAX:
        return False
    with _checks:
        try:
            return PasswordHasher().verify(_hash(settings), password)
        except (Argon2Error, InvalidHashError):
            return False


def _hash(settings: WebSettings) -> str:
    return settings.password_hash.get_secret_value() if settings.password_hash else ""


def hash_password(password: str) -> str:
    """The argon2id hash of a password, for CHATTRAIL_WEB_PASSWORD_HASH."""
    return PasswordHasher().hash(password)
