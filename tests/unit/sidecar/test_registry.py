"""Choosing plugins by name and reading all their settings at once."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from common.settings import SettingsError
from sidecar import registry
from sidecar.errors import StartError


def test_the_default_choice_is_the_sink_and_the_archiver() -> None:
    settings, chosen, *_ = registry.load({})
    assert [factory.name for factory, _ in chosen] == ["clickhouse", "images"] == list(settings.plugins)
    assert all(factory.required for factory, _ in chosen)


def test_an_unknown_variable_is_told_with_the_nearest_name_of_any_chosen_plugin() -> None:
    environ = {"CHATTRAIL_SIDECAR_IMAGES_CONCURENCY": "3", "CHATTRAIL_SIDECAR_PORT": "no", "CHATTRAIL_WEB_PORT": "1"}
    with pytest.raises(SettingsError) as caught:
        registry.load(environ)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "did you mean CHATTRAIL_SIDECAR_IMAGES_CONCURRENCY?" in lines[0]
    assert lines[1].startswith("CHATTRAIL_SIDECAR_PORT: ")


def test_settings_of_plugins_that_are_not_chosen_are_left_alone() -> None:
    environ = {"CHATTRAIL_SIDECAR_PLUGINS": "debug", "CHATTRAIL_SIDECAR_IMAGES_CONCURRENCY": "not a number",
               "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": "http://h/db"}  # fmt: skip
    _, chosen, *_ = registry.load(environ)
    assert [factory.name for factory, _ in chosen] == ["debug"]


def test_the_archiver_reads_the_sinks_database_even_without_the_sink() -> None:
    dsn = "http://default:pw@db:8123/trail"
    environ = {"CHATTRAIL_SIDECAR_PLUGINS": " images ,", "CHATTRAIL_SIDECAR_CLICKHOUSE_URL": dsn}
    _, [(_, config)], *_ = registry.load(environ)
    assert config.url.get_secret_value() == dsn  # type: ignore[attr-defined]
    assert "pw" not in repr(config)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("clikhouse", "did you mean clickhouse"),
        ("debug,debug", "named twice"),
        ("images,nonsense", "no plugin 'nonsense'"),
    ],
)
def test_wrong_choices(names: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"CHATTRAIL_SIDECAR_PLUGINS: .*{message}"):
        registry.load({"CHATTRAIL_SIDECAR_PLUGINS": names})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module:FACTORY", "can't be imported"),
        ("sidecar.plugins.debug:NOTHING", "can't be imported"),
        ("sidecar.plugins.debug:Debug", "not a sidecar.plugin.Factory"),
    ],
)
def test_a_strangers_broken_plugin_is_named(path: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("theirs", path, group)])
    with pytest.raises(StartError, match=f"plugin theirs: {path} .*{message}"):
        registry.choose(["theirs"])


def test_strangers_join_by_entry_point_and_cannot_replace_a_builtin(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [
        EntryPoint("theirs", "sidecar.plugins.debug:FACTORY", registry.GROUP),
        EntryPoint("debug", "no.such.module:FACTORY", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: theirs)
    assert set(registry.available()) == {"theirs", *registry.BUILTINS}
    assert registry.choose(["debug"])[0].config.prefix == "SIDECAR_DEBUG"
    with pytest.raises(StartError, match="plugin theirs: its Factory is named 'debug'"):
        registry.choose(["theirs"])


def test_plugins_that_are_not_chosen_are_not_imported() -> None:
    script = (
        "import sys; from sidecar.registry import load; load({'CHATTRAIL_SIDECAR_PLUGINS': 'debug'});"
        "print([m for m in sys.modules if m.startswith(('sidecar.plugins.', 'clickhouse_connect', 'chdb'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sidecar.plugins.debug']"


def test_plugins_bring_the_subcommands_of_the_command_line() -> None:
    offered = [command.name for factory in registry.choose(registry.BUILTINS) for command in factory.commands]
    assert offered == ["migrate", "dead-letters", "forget-batches", "replay", "images"]
    done = subprocess.run([sys.executable, "-m", "sidecar", "--help"], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in (*offered, "run", "plugins"))
