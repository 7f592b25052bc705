"""The sidecar without one of its defences: `python -m tests.faults.unsafe_receiver MANNER`, for negative controls.

forgetful: the key of an image is noted only when its bytes are at the store. trusting: what was noted is never settled.
"""

import sys

from sidecar.__main__ import main
from sidecar.plugins.images.stores.base import Note, Upload
from sidecar.plugins.images.stores.cloudflare import CloudflareStore


class Forgetful(CloudflareStore):
    """Notes too late."""

    async def put(self, image: Upload, note: Note) -> str:
        async def later(_key: str) -> None:
            """Nothing is noted."""

        return await super().put(image, later)


class Trusting(CloudflareStore):
    """Believes that nothing arrived."""

    async def settle(self, key: str) -> bool:
        return False


if __name__ == "__main__":
    import sidecar.plugins.images.stores.cloudflare as module

    module.CloudflareStore = {"forgetful": Forgetful, "trusting": Trusting}[sys.argv[1]]  # type: ignore[misc]
    sys.exit(main([]))
