"""The sidecar's TOML file: what it sets, what wins over it, and errors that name file, table and key."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.settings import SettingsError
from sidecar import registry
from sidecar.plugins_cli import plugin_lines
from tests.support.paths import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.toml"


def environ(file: Path, **more: str) -> dict[str, str]:
    return {"CHATTRAIL_SIDECAR_CONFIG": str(file), **more}


def test_the_example_in_the_docs_loads() -> None:
    given = environ(
        ROOT / "docs" / "sidecar.toml", EXAMPLE_DSN="http://u:pw@db:8123/trail", EXAMPLE_SECRET="long enough a text"
    )
    own, chosen, *_ = registry.load(given)
    configs = {factory.name: config for factory, config in chosen}
    assert own.plugins == ("clickhouse", "images", "webhook") == tuple(configs)
    assert own.telemetry_url == "http://127.0.0.1:4318"
    assert configs["webhook"].events == ("premium_action", "bot_blocked")  # type: ignore[attr-defined]
    assert configs["webhook"].secret.get_secret_value() == "long enough a text"  # type: ignore[attr-defined]
    assert configs["images"].concurrency == 4  # type: ignore[attr-defined]
    # one database, one setting: the archiver reads the sink's
    assert configs["images"].url == configs["clickhouse"].url  # type: ignore[attr-defined]


def test_the_environment_wins_and_the_listing_tells_where_each_value_comes_from(file: Path) -> None:
    file.write_text('[sidecar]\nplugins = "debug"\nport = 5000\nlog_level = "DEBUG"\n[plugins.debug]\nlevel = "INFO"\n')
    given = environ(file, CHATTRAIL_SIDECAR_PORT="6000")
    own, _, *_ = registry.load(given)
    assert (own.port, own.log_level, own.host) == (6000, "DEBUG", "127.0.0.1")
    lines = list(plugin_lines(given))
    assert any(
        line.startswith(f"  CHATTRAIL_SIDECAR_DEBUG_LEVEL=INFO  ({file} [plugins.debug] level)") for line in lines
    )
    assert any(line.startswith("  CHATTRAIL_SIDECAR_PORT=6000  (environment)") for line in lines)
    assert any(line.startswith("  CHATTRAIL_SIDECAR_HOST=127.0.0.1  (default)") for line in lines)


def test_a_secret_from_a_file_is_read_and_never_shown(file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0p-secret\n")
    file.write_text(f'[sidecar]\nplugins = ["debug"]\ntoken = {{ file = "{tmp_path / "token"}" }}\n')
    own, _, *_ = registry.load(environ(file))
    assert own.token is not None
    assert own.token.get_secret_value() == "t0p-secret"
    assert "t0p-secret" not in "\n".join(plugin_lines(environ(file)))


def test_a_plugin_that_is_not_chosen_has_its_table_left_alone(file: Path) -> None:
    file.write_text('[sidecar]\nplugins = ["debug"]\n[plugins.webhook]\nurl = 5\nnonsense = true\n')
    _, [(factory, _)], *_ = registry.load(environ(file))
    assert factory.name == "debug"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sidcar]\nport = 1", "there is no table [sidcar]; did you mean [sidecar]?"),
        ("[plugins.webhok]\nurl = 1", "there is no table [plugins.webhok]; did you mean [plugins.webhook]?"),
        ("[sidecar]\nprot = 1", "[sidecar] prot: there is no such setting; did you mean port?"),
        ("[plugins.debug]\nlevl = 1", "[plugins.debug] levl: there is no such setting; did you mean level?"),
        ("[sidecar]\nconfig = 'x'", "[sidecar] config: there is no such setting"),
        ("[sidecar]\nport = 'many'", "[sidecar] port: Input should be a valid integer"),
        ("[sidecar]\nport = true", "[sidecar] port: must be a number, not true"),
        ("[sidecar]\nhost = false", "[sidecar] host: must be a text, not false"),
        ("[sidecar]\nhost = 5", "[sidecar] host: Input should be a valid string"),
        ("[sidecar]\nport = 70000", "[sidecar] port: Input should be less than or equal to 65535"),
        ("[sidecar]\ntoken = { env = 'NOT_THERE' }", "[sidecar] token: the environment has no NOT_THERE"),
        ("[sidecar]\ntoken = { file = '/no/such' }", "[sidecar] token: /no/such can't be read: No such file"),
        ("[sidecar]\ntoken = { vault = 'x' }", "[sidecar] token: must be a text, { env = "),
        ("[sidecar]\nhost = { env = 'HOST' }", "[sidecar] host: Input should be a valid string"),
        ("sidecar = 5", "[sidecar] must be a table"),
        ("plugins = 5", "[plugins] must hold a table for each plugin"),
        ("[plugins]\ndebug = 5", "[plugins.debug] must be a table"),
        ("[sidecar", "not a TOML file: "),
    ],
)
def test_errors_name_file_table_and_key(text: str, message: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        registry.load(environ(file, CHATTRAIL_SIDECAR_PLUGINS="debug"))
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)


def test_all_faults_are_told_at_once_without_values(file: Path) -> None:
    file.write_text("[sidecar]\nport = 'canary'\nprot = 1\n[sidcar]\n")
    with pytest.raises(SettingsError) as caught:
        registry.load(environ(file, CHATTRAIL_SIDECAR_PLUGINS="debug", CHATTRAIL_SIDECAR_NONE="1"))
    assert len(str(caught.value).splitlines()) == 4
    assert "canary" not in str(caught.value)


def test_one_database_cannot_be_set_to_two(file: Path) -> None:
    file.write_text("[plugins.clickhouse]\nurl = 'http://a/x'\n[plugins.images]\nurl = 'http://b/x'\n")
    with pytest.raises(SettingsError, match=r"\[plugins.images\] url: .* \[plugins.clickhouse\] url sets the same"):
        registry.load(environ(file))


def test_the_command_takes_the_file_and_a_missing_one_is_named(file: Path) -> None:
    file.write_text('[sidecar]\nplugins = ["debug"]\n')
    command = [sys.executable, "-m", "sidecar", "--config", str(file), "plugins"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"  CHATTRAIL_SIDECAR_PLUGINS=debug  ({file} [sidecar] plugins)" in done.stdout
    file.unlink()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"CHATTRAIL_SIDECAR_CONFIG: {file} can't be read: No such file" in done.stderr
