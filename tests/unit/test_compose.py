"""docker-compose.yml, the Dockerfiles and .env.example agree with each other and with the settings of the parts."""

import re
import tomllib

import pytest

from bot.settings import BotSettings
from collector.settings import CollectorSettings
from common.settings import Settings, SettingsError, load_all
from sidecar.plugins.clickhouse.settings import ClickHouseSettings
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.settings import SidecarSettings
from tests.support.compose import (
    OURS,
    VARIABLE,
    Image,
    MissingError,
    compose,
    dotenv,
    environment,
    example,
    filled,
)
from tests.support.paths import ROOT
from web.settings import WebSettings

MODELS: dict[str, list[type[Settings]]] = {
    "bot": [BotSettings],
    "collector": [CollectorSettings],
    "sidecar": [SidecarSettings, ClickHouseSettings, ImagesSettings],
    "web": [WebSettings],
}
# What parts read besides their settings: the tracker's destination, and the platform's own.
OTHERS = re.compile(r"OTEL_EXPORTER_OTLP_(ENDPOINT|HEADERS)|PATH|PYTHON\w+|MPLCONFIGDIR")
SERVICES = ("bot", "collector", "sidecar", "clickhouse", "web", "grafana")


def test_the_services_are_the_parts() -> None:
    assert set(compose(filled())["services"]) == set(SERVICES)


@pytest.mark.parametrize("part", OURS)
def test_a_part_takes_every_variable_it_is_given(part: str) -> None:
    given = environment(part, filled())
    known = {name for model in MODELS[part] for name in model.variables()}
    assert [name for name in given if name not in known and not OTHERS.fullmatch(name)] == []
    load_all(MODELS[part], given)


@pytest.mark.parametrize("part", OURS)
def test_a_misspelt_variable_would_be_noticed(part: str) -> None:
    name = f"CHATTRAIL_{part.upper()}_HOSTT"
    with pytest.raises(SettingsError, match=name):
        load_all(MODELS[part], environment(part, filled()) | {name: "x"})


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    text = _without_comments()
    assert {match["name"] for match in VARIABLE.finditer(text)} == set(dotenv(example()))
    assert "$" not in VARIABLE.sub("", text)


def test_every_variable_of_the_example_is_explained() -> None:
    for paragraph in example().split("\n\n"):
        lines = paragraph.splitlines()
        variables = [number for number, line in enumerate(lines) if "=" in line and not line.startswith("#")]
        assert not variables or any(line.startswith("# ") and "---" not in line for line in lines[: variables[0]])


def test_defaults_of_the_example_and_of_the_compose_file_are_the_same() -> None:
    given = dotenv(example())
    for match in VARIABLE.finditer(_without_comments()):
        if match["kind"] == "-":
            assert given[match["name"]] == match["text"], match["name"]


@pytest.mark.parametrize("name", [name for name, value in filled().items() if not dotenv(example())[name] and value])
def test_what_is_required_is_missed(name: str) -> None:
    with pytest.raises(MissingError, match=name):
        compose(filled() | {name: ""})


def test_ports_are_published_on_loopback_only() -> None:
    published = {name: service.get("ports", []) for name, service in compose(filled())["services"].items()}
    assert {name for name, ports in published.items() if ports} == {"collector", "web", "grafana"}
    for ports in published.values():
        for port in ports:
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_clickhouse_is_reached_over_a_network_of_its_own() -> None:
    file = compose(filled())
    assert file["networks"]["storage"]["internal"] is True
    on_it = {name for name, service in file["services"].items() if "storage" in service.get("networks", [])}
    assert on_it == {"clickhouse", "sidecar", "web", "grafana"}
    assert file["services"]["clickhouse"]["networks"] == ["storage"]


def test_containers_are_confined() -> None:
    for name, service in compose(filled())["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert "privileged" not in service, name


@pytest.mark.parametrize("part", OURS)
def test_an_image_runs_as_nobody_in_particular(part: str) -> None:
    image = Image.read(part)
    assert image.of("USER") == ["10001:10001"]
    health = image.of("HEALTHCHECK")
    assert len(health) == 1
    assert (health == ["NONE"]) == (part == "bot")  # a polling bot has no port to ask


def test_images_are_pinned_and_name_no_host() -> None:
    images = [service["image"] for service in compose(filled())["services"].values()]
    images += [base for part in OURS for base in Image.read(part).bases]
    for image in images:
        assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?:v?\d[\w.-]*", image), image


@pytest.mark.parametrize("part", [part for part in OURS if part != "collector"])
def test_an_image_has_the_packages_of_its_part_by_the_lock(part: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    installs = [rest for word, rest in Image.read(part).instructions if word == "RUN" and "--group" in rest]
    assert len(installs) == 1
    assert "--require-hashes --constraint requirements.lock --requirements pyproject.toml" in installs[0]
    assert re.findall(r"--group (\S+)", installs[0]) == [part]
    assert part in groups


@pytest.mark.parametrize("part", OURS)
def test_images_hold_no_secrets(part: str) -> None:
    text = (ROOT / part / "Dockerfile").read_text()
    assert re.findall(r"(?m)^(?:ARG|ENV).*(?:TOKEN|PASSWORD|SECRET|KEY)", text) == []
    assert ".env" not in Image.read(part).sources


@pytest.mark.parametrize("part", OURS)
def test_what_an_image_copies_is_there_and_let_in(part: str) -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = Image.read(part).sources
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in let_in, source


def test_mounts_exist_and_data_is_in_volumes() -> None:
    file = compose(filled())
    used = set()
    for service in file["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
                assert mount.endswith(":ro"), mount
            else:
                used.add(source)
    assert used == set(file["volumes"])


@pytest.mark.parametrize("part", OURS)
def test_folders_that_a_part_writes_are_volumes(part: str) -> None:
    folders = [value for value in environment(part, filled()).values() if value.startswith("/var/lib/")]
    mounted = [mount.split(":")[1] for mount in compose(filled())["services"][part]["volumes"]]
    assert folders
    for folder in folders:
        assert any(folder == point or folder.startswith(f"{point}/") for point in mounted), folder


def test_a_part_calls_the_next_by_name_and_port() -> None:
    file = compose(filled())["services"]
    assert file["bot"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert "4318" in Image.read("collector").of("EXPOSE")[0].split()
    assert file["collector"]["environment"]["CHATTRAIL_COLLECTOR_SIDECAR_URL"] == "http://sidecar:4319"
    assert Image.read("sidecar").of("EXPOSE") == ["4319"]
    assert file["sidecar"]["environment"]["CHATTRAIL_SIDECAR_TELEMETRY_URL"] == "http://collector:4318"
    headers = "OTEL_EXPORTER_OTLP_HEADERS"  # the collector asks the sidecar for its token, as it asks the bot
    assert file["sidecar"]["environment"][headers] == file["bot"]["environment"][headers]
    assert file["bot"]["environment"]["CHATTRAIL_BOT_WEB_URL"] == "http://web:8000"
    assert Image.read("web").of("EXPOSE") == ["8000"]
    assert "web" in WebSettings.load(environment("web", filled())).trusted_hosts


def _without_comments() -> str:
    text = (ROOT / "docker-compose.yml").read_text()
    return re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE)
