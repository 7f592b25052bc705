"""Logins. The signed cookie holds a random id; the database holds its hash, so a logout ends a copied cookie too."""

import secrets

from flask import g, session

from web.auth.passwords import fingerprint
from web.auth.tokens import hash_token
from web.context import services


def sign_in() -> None:
    """Begin a new login. This browser's login from before ends, wherever its cookie was copied to; other devices stay in."""
    before = session.get("id")
    session.clear()
    session.permanent = True
    identity = secrets.token_urlsafe(24)
    session["id"] = identity
    database = services.auth_database
    expires_at = database.clock() + services.settings.session_hours * 3600
    with database.write() as connection:
        connection.execute(
            "INSERT INTO sessions VALUES (?, ?, ?)", (hash_token(identity), fingerprint(services.settings), expires_at)
        )
        connection.execute(
            "DELETE FROM sessions WHERE expires_at <= ? OR id_hash = ?",
            (database.clock(), hash_token(before) if isinstance(before, str) else ""),
        )
    g.signed_in = True


def signed_in() -> bool:
    """Whether the request comes from a login that was neither ended nor outlived by a new password."""
    if "signed_in" not in g:
        identity, database = session.get("id"), services.auth_database
        statement = "SELECT credential, expires_at FROM sessions WHERE id_hash = ?"
        row = database.row(statement, hash_token(identity)) if isinstance(identity, str) else None
        g.signed_in = row is not None and row[0] == fingerprint(services.settings) and row[1] > database.clock()
    return bool(g.signed_in)


def sign_out() -> None:
    """End this login everywhere its cookie may have been copied to."""
    identity = session.get("id")
    if isinstance(identity, str):
        with services.auth_database.write() as connection:
            connection.execute("DELETE FROM sessions WHERE id_hash = ?", (hash_token(identity),))
    session.clear()
    g.signed_in = False
