"""What the launcher gives each part: passwords, ports, and where events and telemetry go."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stack import services
from stack.collector import binary as collector_binary
from stack.commands import _for_your_bot
from stack.process import StackError
from stack.secrets import Secrets, load_or_make
from stack.settings import StackSettings

SECRETS = Secrets("a", "b", "c", "d", "e", "f", "g")


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
    given = [engine.env[f"CHATTRAIL_EMBEDDED_{name}"] for name in ("PASSWORD", "READONLY_PASSWORD", "SAVING_PASSWORD")]
    assert given == [made.clickhouse_password, made.clickhouse_readonly_password, made.clickhouse_saving_password]
    assert min(map(len, given)) >= 32
    assert len(set(given)) == 3
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("binary", [Path("/opt/otelcol"), None], ids=["with a collector", "without"])
def test_a_bot_of_ones_own_sends_to_the_same_place_with_a_collector_and_without(
    binary: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "collector_binary", lambda: binary)
    settings = StackSettings.load({"CHATTRAIL_COLLECTOR_HTTP_PORT": "5318"})
    layout = services.plan(settings, SECRETS, tmp_path, simulated=False, bot=False)
    parts = {service.name: service for service in layout.services}
    assert layout.otlp_endpoint == "http://127.0.0.1:5318"
    assert parts.keys() == {"clickhouse", "sidecar", "web", *(["collector"] if binary else [])}
    taker = parts["collector" if binary else "sidecar"]
    assert (taker.port, next(iter(taker.ports))) == (5318, "CHATTRAIL_COLLECTOR_HTTP_PORT")
    assert parts["sidecar"].env["CHATTRAIL_SIDECAR_PORT"] == ("4319" if binary else "5318")
    assert not [service for service in layout.services if "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN" in service.env]


def test_a_token_lets_the_pictures_of_ones_own_bot_be_archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "collector_binary", lambda: None)
    layout = services.plan(StackSettings.load({"BOT_TOKEN": "42:TEST"}), SECRETS, tmp_path, simulated=False, bot=False)
    (sidecar,) = (service for service in layout.services if service.name == "sidecar")
    assert sidecar.env["CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN"] == "42:TEST"


def test_up_says_which_tokens_it_lacks_for_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "collector_binary", lambda: None)
    settings = StackSettings.load({})
    layout = services.plan(settings, SECRETS, tmp_path, simulated=False, bot=False)
    said = "\n".join(_for_your_bot(settings, layout))
    assert "BOT_TOKEN=… make up" in said
    assert "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS=…,… make up" in said
    monkeypatch.setenv("CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKENS", "42:A,43:B")  # the sidecar inherits it
    assert "make up" not in "\n".join(_for_your_bot(settings, layout))


def test_the_demo_takes_events_where_no_bot_of_a_user_sends_them() -> None:
    usual = StackSettings.load({})
    demo = usual.for_demo()
    ports = ("sidecar_port", "collector_grpc_port", "collector_http_port")
    theirs = {getattr(usual, name) for name in ports}
    assert theirs.isdisjoint(getattr(demo, name) for name in ports)
    assert demo.web_port == usual.web_port
    assert StackSettings.load({"CHATTRAIL_SIDECAR_PORT": "5319"}).for_demo().sidecar_port == 5319


def test_a_wrong_collector_is_an_error_and_a_missing_one_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert collector_binary() is None
    monkeypatch.setenv("CHATTRAIL_OTELCOL", str(tmp_path / "nowhere"))
    with pytest.raises(StackError, match=r"CHATTRAIL_OTELCOL is .*nowhere, which is not a program"):
        collector_binary()


def test_secrets_of_an_earlier_release_get_what_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = load_or_make(path)
    earlier = {
        name: value for name, value in json.loads(path.read_text()).items() if name != "clickhouse_saving_password"
    }
    path.write_text(json.dumps(earlier))
    found = load_or_make(path)
    assert replace(found, clickhouse_saving_password="") == replace(made, clickhouse_saving_password="")
    assert len(found.clickhouse_saving_password) >= 32
    assert load_or_make(path) == found
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(json.dumps({"api_token": "x"}))
    with pytest.raises(ValueError, match="is damaged"):
        load_or_make(path)
