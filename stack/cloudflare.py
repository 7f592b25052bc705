"""The simulated Cloudflare Images of a demo (CLOUDFLARE=fake), and the settings of sidecar and web for it."""

import sys
from pathlib import Path

from stack.process import Service
from stack.settings import StackSettings

# known to the simulation only: there is no such account
ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
API_TOKEN = "token-of-the-simulated-cloudflare"  # noqa: S105
ACCOUNT_HASH = "Vi7wi5KSItxGFsWRG2Us6Q"
SIGNING_KEY = "signing-key-of-the-simulated-cloudflare"


def service(settings: StackSettings, data: Path) -> Service:
    """Describe the process; its images are kept in `data`, because the next demo shows them too."""
    options = {
        "port": settings.cloudflare_port,
        "data": data / "cloudflare",
        "account-id": ACCOUNT_ID,
        "token": API_TOKEN,
        "account-hash": ACCOUNT_HASH,
        "signing-key": SIGNING_KEY,
    }
    return Service(
        name="cloudflare",
        title="Cloudflare Images (simulated)",
        argv=[
            sys.executable,
            "-m",
            "stack.simulators.cloudflare",
            *(f"--{key}={value}" for key, value in options.items()),
        ],
        env={},
        stage=0,  # the sidecar may be in the middle of an upload when the demo ends
        port=settings.cloudflare_port,
        port_variable="CHATTRAIL_STACK_CLOUDFLARE_PORT",
        ready_line="is ready on",
    )


def sidecar_environment(settings: StackSettings) -> dict[str, str]:
    """Return the settings with which the sidecar stores images there."""
    return {
        "CHATTRAIL_SIDECAR_IMAGES_STORE": "cloudflare_images",
        "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_API_TOKEN": API_TOKEN,
        "CHATTRAIL_SIDECAR_IMAGES_CLOUDFLARE_API_URL": f"http://127.0.0.1:{settings.cloudflare_port}/client/v4",
    }


def web_environment(settings: StackSettings) -> dict[str, str]:
    """Return the settings with which the dashboard signs addresses of images."""
    return {
        "CHATTRAIL_WEB_CLOUDFLARE_ACCOUNT_HASH": ACCOUNT_HASH,
        "CHATTRAIL_WEB_CLOUDFLARE_SIGNING_KEY": SIGNING_KEY,
        "CHATTRAIL_WEB_CLOUDFLARE_VARIANT": "public",
        "CHATTRAIL_WEB_CLOUDFLARE_THUMBNAIL_VARIANT": "thumbnail",
        "CHATTRAIL_WEB_CLOUDFLARE_DELIVERY_URL": f"http://127.0.0.1:{settings.cloudflare_port}",
    }
