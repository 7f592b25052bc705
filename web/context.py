"""What a request can reach of the running app: its settings, clock, store and sign-in database."""

from datetime import datetime

from flask import current_app

from web.analytics.store import Store
from web.auth.database import AuthDatabase
from web.auth.passwords import Passwords
from web.images.links import PictureLinks
from web.settings import WebSettings


def settings() -> WebSettings:
    """The settings the app was made with."""
    found = current_app.extensions["chattrail.settings"]
    assert isinstance(found, WebSettings)
    return found


def now() -> datetime:
    """The current time, in UTC."""
    moment = current_app.extensions["chattrail.clock"]()
    assert isinstance(moment, datetime)
    return moment


def store() -> Store:
    """The questions to ClickHouse."""
    found = current_app.extensions["chattrail.store"]
    assert isinstance(found, Store)
    return found


def picture_links() -> PictureLinks:
    """Signs links to pictures in other stores."""
    found = current_app.extensions["chattrail.picture_links"]
    assert isinstance(found, PictureLinks)
    return found


def auth_database() -> AuthDatabase:
    """Sessions, login attempts and one-time links."""
    found = current_app.extensions["chattrail.auth"]
    assert isinstance(found, AuthDatabase)
    return found


def passwords() -> Passwords:
    """The check of the login password."""
    found = current_app.extensions["chattrail.passwords"]
    assert isinstance(found, Passwords)
    return found
