"""The JSON API. docs/api.md describes it; its examples are made by a test."""

from flask import Blueprint

blueprint = Blueprint("api", __name__, url_prefix="/api")

from web.api import analytics, login_links  # noqa: E402, F401 - their views register on the blueprint
