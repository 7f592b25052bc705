"""Make the pictures of the documentation: `python docs/screenshots.py [address]`.

With the address of a running site, sign in with SCREENSHOT_LOGIN (a one-time link, or the password) and take them there.
Without one, start the real stack for the time it takes and fill it with the past of simulated people.
"""

import argparse
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
LARGEST = 400_000


def main() -> None:
    """Take the three pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", help="the site, as http://127.0.0.1:8000; unset: a site of its own")
    address = parser.parse_args().address
    if address:
        login = os.environ.get("SCREENSHOT_LOGIN") or sys.exit(
            "SCREENSHOT_LOGIN: set it to a one-time link or the password."
        )
        take(address.rstrip("/"), login)
        return
    with own_site() as (address, login):
        take(address, login)


@contextlib.contextmanager
def own_site() -> Iterator[tuple[str, str]]:
    """Run the stack with people in it; its address and password."""
    sys.path.insert(0, str(ROOT))
    from tests.browser.stack import PASSWORD, running_stack
    from web.build import build

    build()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        command = [
            sys.executable,
            "-m",
            "stack.simulators.population.backfill",
            "--days",
            "70",
            "--people",
            "260",
            "--seed",
            "7",
        ]
        past = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": stack.sidecar_url}
        subprocess.run(command, cwd=ROOT, env=past, check=True)  # noqa: S603
        stack.finish(stack.tracker())
        yield stack.web_url, PASSWORD


def take(address: str, login: str) -> None:
    """Sign in and save each page as it stands on a screen of 1280 × 800."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_context(viewport=SIZE, locale="en-GB", color_scheme="light").new_page()  # type: ignore[arg-type]
        sign_in(page, address, login)
        page.goto(f"{address}/analytics?range=30d")
        save(page, "statistics")
        page.goto(f"{address}/analytics/users?sort=messages")
        save(page, "users")
        page.goto(f"{address}/analytics/users?sort=messages&language=en")
        open_lively_trail(page)
        save(page, "trail")
        browser.close()


def sign_in(page: Page, address: str, login: str) -> None:
    """Use a one-time link or the password."""
    if login.startswith("http"):
        page.goto(login)
    else:
        page.goto(f"{address}/login")
        page.fill("#password", login)
    page.click("button[type=submit]")
    page.wait_for_url("**/analytics")


def open_lively_trail(page: Page) -> None:
    """Go to the trail, of the busiest people, with a picture on its first screen."""
    links = page.locator(".people .person-name a").evaluate_all("links => links.slice(0, 25).map((link) => link.href)")
    for link in links:
        page.goto(link)
        page.wait_for_load_state("networkidle")
        boxes = page.locator(".bubble img").evaluate_all(
            "images => images.map((each) => each.getBoundingClientRect()).map(({ top, bottom }) => [top, bottom])"
        )
        if any(top > 100 and bottom < SIZE["height"] for top, bottom in boxes):
            return


def save(page: Page, name: str) -> None:
    """Write docs/images/<name>.png, without what an image of this size does not need."""
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = IMAGES / f"{name}.png"
    shot.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        sys.exit(f"{path} has {path.stat().st_size} bytes, which is more than {LARGEST}")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
