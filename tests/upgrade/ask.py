"""What the pages and the API of a version say of a data folder, as a script: `python ask.py DATA` prints it as JSON.

Standard input holds the moment that the web part takes for now, and the cookie and the login link that it once gave. The
web part's settings are in the environment.
"""

import asyncio
import hashlib
import json
import sys
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from bot.premium import FileStore, Ledger
from web import create_app
from web.settings import WebSettings

RANGES = ("range=all", "from=2026-03-01&to=2026-03-03", "from=2026-03-04&to=2026-03-31")


class Text(HTMLParser):
    """The text of a page without its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within not in ("script", "style"):
            self.words += data.split()


def page(client: FlaskClient, path: str) -> str:
    """The text of a page, words parted by single spaces."""
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code, response.text[:500])
    text = Text()
    text.feed(response.text)
    return " ".join(text.words)


def shown(text: str, events: list[dict[str, Any]]) -> list[str]:
    """What was said, of these events, as far as the text of a trail's page has it in order, newest first.

    A page is read downwards; that of the version before began with the newest.
    """

    def in_order(events: list[dict[str, Any]]) -> list[str]:
        found, position = [], 0
        for event in events:
            said = " ".join((event["text"] or event["attributes"].get("chattrail.image.prompt", "")).split())
            at = text.find(said, position)
            if said and at >= 0:
                found.append(said)
                position = at + len(said)
        return found

    return max(in_order(events)[::-1], in_order(events[::-1]), key=len)


def answers(client: FlaskClient, data: Path) -> dict[str, Any]:
    """Figures, people, trails, their pages, images, and the bot's ledger."""

    def api(path: str) -> Any:
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.json

    users = api("/api/analytics/users?sort=name&limit=200")
    ids = [user["client_id"] for user in users["users"]]
    trails = {each: api(f"/api/analytics/users/{each}/events?order=asc&limit=200") for each in ids}
    images = {}
    for event in (event for trail in trails.values() for event in trail["events"]):
        if event["image"] and event["image"]["url"]:
            response = client.get(event["image"]["url"])
            assert response.status_code == 200, (event, response.status_code)
            images[event["id"]] = hashlib.sha256(response.data).hexdigest()
    return {
        "stats": {each: api(f"/api/analytics/stats?{each}") for each in RANGES},
        "users": users,
        "trails": trails,
        "pictures": images,
        "shown": {
            each: shown(page(client, f"/analytics/users/{each}"), trail["events"]) for each, trail in trails.items()
        },
        "premium": asyncio.run(premium(data)),
    }


async def premium(data: Path) -> dict[str, Any]:
    """The plan of each person, and its end."""
    ledger: Any = Ledger(FileStore(data / "premium.sqlite3"))
    status_of = ledger.status if hasattr(ledger, "status") else ledger.standing  # its name in the version before
    found = {str(person): await status_of(person) for person in (700100, 700200)}
    return {person: [status.plan, status.until and status.until.isoformat()] for person, status in found.items()}


def main() -> None:
    """Ask and print."""
    given = json.load(sys.stdin)
    app = create_app(WebSettings.load(), clock=lambda: datetime.fromisoformat(given["now"]).timestamp())
    stranger, visitor = app.test_client(), app.test_client()
    name, _, secret = given["cookie"].partition("=")
    visitor.set_cookie(name, secret)
    sign_in = {
        "with the cookie": visitor.get("/api/analytics/stats").status_code,
        "without it": stranger.get("/api/analytics/stats").status_code,
        "by the link": stranger.get(given["link"]).status_code,
        "by the password": stranger.post(
            "/login", data={"password": given["password"]}, headers={"Sec-Fetch-Site": "same-origin"}
        ).status_code,
    }
    print(json.dumps({**answers(visitor, Path(sys.argv[1])), "sign-in": sign_in}))


if __name__ == "__main__":
    main()
