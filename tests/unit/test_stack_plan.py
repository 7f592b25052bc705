"""What the launcher gives each part: the sidecar sends its telemetry to the collector, when there is one."""

from pathlib import Path

import pytest

from chattrail.stack import services
from chattrail.stack.secrets import Secrets
from chattrail.stack.settings import StackSettings

SECRETS = Secrets("a", "b", "c", "d", "e", "f")


@pytest.mark.parametrize("binary", [Path("/opt/otelcol"), None], ids=["with a collector", "without"])
def test_the_sidecar_sends_its_telemetry_where_the_collector_listens(
    binary: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "collector_binary", lambda: binary)
    plan = services.plan(StackSettings.load({}), SECRETS, tmp_path, simulated=True)
    parts = {service.name: service.env for service in plan.services}
    assert parts["sidecar"].get("CHATTRAIL_SIDECAR_TELEMETRY_URL") == (plan.otlp_endpoint if binary else None)
    assert ("collector" in parts) is (binary is not None)
