"""The limit on login attempts: by address and in all, kept in the database so that it holds across workers.

An attempt is counted before the password is looked at and forgiven when it was right: many at once get no further
than one after the other. One-time links are not limited: they cannot be guessed, and they are the way in for the owner
when somebody else has used up the attempts.
"""

import math

from common.net import network
from web.auth.database import AuthDatabase

WINDOW_S = 15 * 60
PER_ADDRESS = 5
IN_ALL = 50


def begin_attempt(database: AuthDatabase, address: str) -> int:
    """Count an attempt. Returns 0 when it may go on, else the seconds until the next one may."""
    who, now = network(address), database.clock()
    with database.write() as connection:
        connection.execute("DELETE FROM login_attempts WHERE at <= ? OR at > ?", (now - WINDOW_S, now + WINDOW_S))
        for where, values, allowed in (("WHERE address = ?", (who,), PER_ADDRESS), ("", (), IN_ALL)):
            # the attempt that has to leave the window before one more fits in
            row = connection.execute(
                f"SELECT at FROM login_attempts {where} ORDER BY at DESC LIMIT 1 OFFSET ?",  # noqa: S608 - constants
                (*values, allowed - 1),
            ).fetchone()
            if row:
                return max(1, math.ceil(float(row[0]) + WINDOW_S - now))
        connection.execute("INSERT INTO login_attempts VALUES (?, ?)", (who, now))
    return 0


def forgive_attempts(database: AuthDatabase, address: str) -> None:
    """Forget the attempts of an address that then got it right."""
    with database.write() as connection:
        connection.execute("DELETE FROM login_attempts WHERE address = ?", (network(address),))
