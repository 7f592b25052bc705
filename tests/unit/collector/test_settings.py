"""The collector's settings: what they refuse, and that they and the YAML files speak of the same variables."""

import json
import re
from pathlib import Path

import pytest
import yaml

from collector.__main__ import CONFIG, FOLDER, command_of
from collector.build import MANIFEST
from collector.settings import FEEDS, CollectorSettings
from common.settings import SettingsError
from sidecar.settings import SidecarSettings

FILES = [CONFIG, FOLDER / "token.yaml", *sorted(FEEDS.glob("*.yaml"))]
PREFIX = "CHATTRAIL_COLLECTOR_"


def load(**given: str) -> CollectorSettings:
    return CollectorSettings.load({f"{PREFIX}{name.upper()}": value for name, value in given.items()})


def used() -> dict[str, set[str | None]]:
    """Each variable that the YAML files read, and the defaults they give it."""
    found: dict[str, set[str | None]] = {}
    for file in FILES:
        text = "\n".join(line.split(" #")[0] for line in file.read_text().splitlines() if not line.startswith("#"))
        for name, default in re.findall(r"\$\{env:(\w+)(?::-([^}]*))?\}", text):
            found.setdefault(name, set()).add(default or None)
    return found


def test_every_variable_of_the_files_is_a_setting_and_the_other_way_round() -> None:
    only_the_command = {"CHATTRAIL_OTELCOL", f"{PREFIX}FEEDS"}
    assert used().keys() == set(CollectorSettings.variables()) - only_the_command


def test_defaults_in_the_files_are_the_settings_defaults() -> None:
    environment = CollectorSettings().environment()
    placeholders = {f"{PREFIX}FEED_OTLP_HEADERS": {"[]"}, "CHATTRAIL_SIDECAR_TOKEN": {"none"}}  # unset here
    for name, defaults in used().items():
        assert defaults == placeholders.get(name, {environment.get(name)}), name


def test_the_manifest_holds_exactly_the_components_that_the_files_use() -> None:
    kinds: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set(), "extensions": set()}
    for file in FILES:
        config = yaml.safe_load(file.read_text())
        for kind, names in kinds.items():
            names |= {name.partition("/")[0] for name in config.get(kind, {})}
    # a component's name, as the end of its module's path spells it
    spelled = {"otlp_http": "otlphttp", "health_check": "healthcheck", "memory_limiter": "memorylimiter"}
    spelled |= {"file_storage": "storage", "record_limiter": "recordlimiter", "body_limiter": "bodylimiter"}
    manifest = yaml.safe_load(MANIFEST.read_text())
    for kind, names in kinds.items():
        expected = {re.sub("(receiver|processor|exporter|extension)$", "", _last(entry)) for entry in manifest[kind]}
        assert {spelled.get(name, name) for name in names} == expected


def test_the_token_file_keeps_the_extensions_of_the_base() -> None:
    base = yaml.safe_load(CONFIG.read_text())["service"]["extensions"]
    assert yaml.safe_load((FOLDER / "token.yaml").read_text())["service"]["extensions"] == [*base, "bearertokenauth"]


def test_the_path_to_the_sidecar_loses_nothing() -> None:
    """The recipe, in case somebody tidies it away: disk, fsync, no end to retries, waiting senders, no batch processor."""
    config = yaml.safe_load(CONFIG.read_text())
    processors = config["service"]["pipelines"]["logs"]["processors"]
    assert processors == ["memory_limiter", "transform/privacy", "record_limiter"]
    exporter = config["exporters"]["otlp_http/sidecar"]
    assert exporter["retry_on_failure"]["max_elapsed_time"] == 0
    assert exporter["sending_queue"]["storage"] == "file_storage"
    assert exporter["sending_queue"]["block_on_overflow"] is True
    assert config["extensions"]["file_storage"]["fsync"] is True


def test_limits_agree_from_the_senders_request_to_the_sidecars() -> None:
    config = yaml.safe_load(CONFIG.read_text())
    queue = config["exporters"]["otlp_http/sidecar"]["sending_queue"]
    limiter = config["processors"]["record_limiter"]
    assert limiter == {"max_size": queue["batch"]["max_size"], "max_records": queue["queue_size"]}
    assert limiter["max_size"] <= SidecarSettings().max_body_bytes <= SidecarSettings().max_inflated_bytes
    protocols = config["receivers"]["otlp"]["protocols"]
    largest = config["extensions"]["body_limiter"]["max_size"]
    assert protocols["grpc"]["max_recv_msg_size_mib"] << 20 == largest > limiter["max_size"]
    assert protocols["http"]["max_request_body_size"] == 2 * largest, (
        "what is above is read, so that the answer is, too"
    )
    assert protocols["http"]["middlewares"] == [{"id": "body_limiter"}]


@pytest.mark.parametrize("file", FILES[2:], ids=lambda file: file.stem)
def test_a_feed_drops_what_its_own_batches_can_not_hold(file: Path) -> None:
    feed = yaml.safe_load(file.read_text())
    for name, exporter in feed["exporters"].items():
        if (queue := exporter.get("sending_queue")) is not None:
            limiter = f"record_limiter/feed_{file.stem}"
            assert feed["service"]["pipelines"][f"logs/feed_{file.stem}"]["processors"][-1] == limiter, name
            assert feed["processors"][limiter] == {"max_size": queue["batch"]["max_size"], "drop": True}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "set CHATTRAIL_COLLECTOR_TOKEN"),
        ({"token": "with space"}, "no spaces"),
        ({"token": "short"}, "8 or more"),
        ({"feeds": "kafak", "feed_kafka_brokers": "a:1"}, "there is no feed kafak; there are debug, file, kafka, otlp"),
        ({"feeds": "/nowhere/mine.yaml"}, "there is no feed /nowhere/mine.yaml"),
        ({"feeds": "otlp"}, "the feed otlp needs CHATTRAIL_COLLECTOR_FEED_OTLP_ENDPOINT"),
        ({"feeds": "kafka"}, "the feed kafka needs CHATTRAIL_COLLECTOR_FEED_KAFKA_BROKERS"),
        ({"feed_otlp_headers": "api-key=x"}, "must be a JSON object"),
        ({"sidecar_url": "localhost:4319"}, "CHATTRAIL_COLLECTOR_SIDECAR_URL"),
        ({"sidecar_ulr": "http://localhost:4319"}, "did you mean CHATTRAIL_COLLECTOR_SIDECAR_URL?"),
    ],
)
def test_wrong_settings_are_told_by_name(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        load(**given)


def test_the_command_line_has_the_base_the_feeds_and_the_token_in_order(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("{}")
    settings = load(feeds=f"file, {mine}", token="long-enough", host="0.0.0.0")
    command, environment = command_of(Path("/bin/otelcol"), settings, [])
    files = [CONFIG, FEEDS / "file.yaml", mine, FOLDER / "token.yaml"]
    assert command == ["/bin/otelcol", *(f"--config={file}" for file in files)]
    assert environment[f"{PREFIX}TOKEN"] == "long-enough"


def test_values_reach_the_files_as_yaml_reads_them() -> None:
    headers = json.dumps({"api-key": "x"})
    environment = load(host="::1", drop_names="true", feed_otlp_headers=headers, queue_size="5").environment()
    assert environment[f"{PREFIX}HOST"] == "[::1]"
    assert environment[f"{PREFIX}DROP_NAMES"] == "true"
    assert environment[f"{PREFIX}FEED_OTLP_HEADERS"] == headers
    assert environment[f"{PREFIX}QUEUE_SIZE"] == "5"


def test_secrets_are_not_shown() -> None:
    assert "long-enough" not in repr(load(token="long-enough"))


def _last(entry: dict[str, str]) -> str:
    return entry.get("import", entry["gomod"].split()[0]).rsplit("/", 1)[1]
