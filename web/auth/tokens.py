"""API tokens: `Authorization: Bearer <token>`. Only their SHA-256 is configured: they are random, so no slow hash."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from flask import request

from web.context import services


def new_token() -> str:
    """A random API token of 256 bits."""
    return "ct_" + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """The SHA-256 of a random token, as in CHATTRAIL_WEB_API_TOKEN_HASHES and in the sign-in database.

    Looking up 256 random bits by their hash takes a time that says nothing about a token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def bearer_token_given() -> bool:
    """Whether the request carries a bearer token, right or wrong."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer"


def bearer_token_valid() -> bool:
    """Whether that token is one of the configured ones."""
    given = request.headers.get("Authorization", "").partition(" ")[2].strip()
    return is_token(given, services.settings.api_token_hashes)


def is_token(given: str, hashes: Sequence[str]) -> bool:
    """Whether a token is one of those with these hashes. Takes the same time wherever they differ."""
    digest, found = hash_token(given), False
    for known in hashes:
        found |= hmac.compare_digest(digest, known)
    return found
