"""What the launcher gives each part: the sidecar sends its telemetry to the collector, when there is one."""

from pathlib import Path

import pytest

from stack import services
from stack.secrets import Secrets, load_or_make
from stack.settings import StackSettings

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


@pytest.mark.parametrize("simulated", [True, False], ids=["demo", "run"])
def test_the_engine_is_never_started_without_its_passwords(
    simulated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "collector_binary", lambda: None)
    made = load_or_make(tmp_path / "secrets.json")
    layout = services.plan(StackSettings.load({}), made, tmp_path, simulated=simulated)
    (engine,) = (service for service in layout.services if "sidecar.embedded" in service.argv)
    given = [engine.env[f"CHATTRAIL_EMBEDDED_{name}"] for name in ("PASSWORD", "READONLY_PASSWORD")]
    assert given == [made.clickhouse_password, made.clickhouse_readonly_password]
    assert min(map(len, given)) >= 32
    assert len(set(given)) == 2
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
