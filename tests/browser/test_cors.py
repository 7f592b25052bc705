"""A page's script sends to the sidecar from another origin, in a real browser: only where that origin is named."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.stack import Part, wait_until

TOKEN = "a token of sixteen or more"
SEND = """async ([url, token]) => {
  const records = [{ eventName: "from.a.page", body: { stringValue: "cut \\ud83d" } }, { flags: "bad" }];
  const body = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] });
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  try {
    const answer = await fetch(url, { method: "POST", headers, body });
    return [answer.status, await answer.text()];
  } catch (error) {
    return [0, error.name];
  }
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def page_url(tmp_path: Path) -> Iterator[str]:
    """An empty page of an origin of its own."""
    (tmp_path / "index.html").write_text("<!doctype html><title>a page</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("is_named", [True, False])
def test_a_page_sends_where_its_origin_is_named(
    chromium: Browser, page_url: str, tmp_path: Path, is_named: bool
) -> None:
    settings = {"PORT": "0", "PLUGINS": "debug", "DATA": str(tmp_path / "data"), "TOKEN": TOKEN}
    settings["CORS_ORIGINS"] = page_url if is_named else "https://app.example"
    environment = {f"CHATTRAIL_SIDECAR_{name}": value for name, value in settings.items()}
    sidecar = Part("sidecar", r"sidecar is ready: POST (http://\S+)/v1/logs", environment)
    try:
        sidecar.wait()
        page = chromium.new_page()
        page.goto(page_url)
        status, text = page.evaluate(SEND, [f"{sidecar.url}/v1/logs/", TOKEN])
        refused, _ = page.evaluate(SEND, [f"{sidecar.url}/v1/logs", "another token"])
        page.close()
        if is_named:
            assert (status, refused) == (200, 503), "a page reads refusals as well"
            wait_until(lambda: "from.a.page" in "".join(sidecar.output))
        else:
            assert (status, text, refused) == (0, "TypeError", 0)
            assert "from.a.page" not in "".join(sidecar.output)
    finally:
        sidecar.stop()
