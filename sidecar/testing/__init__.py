"""The contract that every sidecar plugin keeps, as tests: subclass `PluginContract` in your own test module.

    from sidecar.testing import PluginContract

    class TestMine(PluginContract):
        factory = FACTORY
        settings = {"CHATTRAIL_SIDECAR_MINE_URL": "http://127.0.0.1:9"}

pytest finds the inherited tests; no plugin of pytest is needed. Each runs on an event loop of its own, with a fresh
folder. A plugin that talks to a server overrides `environ`, which brings the server up around the test.
"""

from sidecar.testing.contract import CANARY, PluginContract
from sidecar.testing.events import batch, event, request

__all__ = ["CANARY", "PluginContract", "batch", "event", "request"]
