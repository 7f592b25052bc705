"""One-time login links: a random token, stored as its hash, spent by the first POST that brings it in time."""

import secrets

from web.auth.database import AuthDatabase
from web.auth.tokens import hash_token

TTL_S = 600
TTL_MIN_S, TTL_MAX_S = 10, 600


def make_link(database: AuthDatabase, ttl_s: int = TTL_S) -> tuple[str, float]:
    """A new token and the time (seconds since 1970) at which it ends."""
    token, expires_at = secrets.token_urlsafe(32), database.clock() + ttl_s
    with database.write() as connection:
        connection.execute("DELETE FROM login_links WHERE expires_at <= ?", (database.clock(),))
        connection.execute("INSERT INTO login_links VALUES (?, ?)", (hash_token(token), expires_at))
    return token, expires_at


def link_open(database: AuthDatabase, token: str) -> bool:
    """Whether a token could still be spent; looking does not spend it."""
    statement = "SELECT 1 FROM login_links WHERE token_hash = ? AND expires_at > ?"
    return database.row(statement, hash_token(token), database.clock()) is not None


def spend_link(database: AuthDatabase, token: str) -> bool:
    """Spend a token. True exactly once, however many processes try at the same time."""
    with database.write() as connection:
        spent = connection.execute(
            "DELETE FROM login_links WHERE token_hash = ? AND expires_at > ?", (hash_token(token), database.clock())
        ).rowcount
    return spent == 1
