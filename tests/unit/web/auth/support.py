"""How the tests of signing in look at a client."""

from flask.testing import FlaskClient


def is_in(client: FlaskClient) -> bool:
    """A signed-in person gets past the door: to the 503 of a ClickHouse that is not there."""
    return client.get("/api/analytics/stats").status_code == 503
