"""docker-compose.yml is valid to compose itself: the loader of `docker compose` takes it, and refuses it once it is broken."""

from pathlib import Path

import pytest

from stack.env_file import fill
from tests.support.compose import OURS, example
from tests.support.compose_check.loader import check
from tests.support.paths import ROOT

COMPOSE = ROOT / "docker-compose.yml"
TOKEN = "BOT_TOKEN=42:TOKEN-of-the-tests"


@pytest.fixture(scope="module")
def filled() -> str:
    """A .env as `make env` writes it, with the bot's token filled in."""
    text = fill(example())
    assert "\nBOT_TOKEN=\n" in text
    return text.replace("\nBOT_TOKEN=\n", f"\n{TOKEN}\n")


@pytest.fixture
def env(tmp_path: Path, filled: str) -> Path:
    """That .env as a file."""
    path = tmp_path / "env"
    path.write_text(filled, encoding="utf-8")
    return path


def test_compose_takes_our_file(env: Path) -> None:
    services, complaint = check(COMPOSE, env)
    assert complaint == ""
    assert set(services) == {*OURS, "clickhouse", "grafana"}


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("    mem_limit: 768m\n", "    mem_limitt: 768m\n", "mem_limitt"),
        ("    stop_grace_period: 30s\n", "    stop_grace_period: [30]\n", "stop_grace_period"),
        ("      retries: 6\n", "      retries: often\n", "retries"),
        ("networks: [default, storage]", "networks: [default, vault]", "undefined network vault"),
        ("      - images:/var", "      - pictures:/var", "undefined volume pictures"),
        ("depends_on: [collector]", "depends_on: [colector]", "undefined service"),
        ("    image: chattrail/web:0.1.0\n", "    image: chattrail/web:0.1.0\n   build: .\n", "yaml"),
    ],
    ids=["wrong key", "wrong type", "no number", "no such network", "no such volume", "no such service", "no YAML"],
)
def test_compose_refuses_a_broken_one(env: Path, tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    services, said = check(broken, env)
    assert services == []
    assert complaint in said


@pytest.mark.parametrize("name", ["BOT_TOKEN", "CHATTRAIL_SIDECAR_TOKEN", "GRAFANA_ADMIN_PASSWORD"])
def test_compose_names_a_variable_that_is_missing(env: Path, name: str) -> None:
    lines = env.read_text(encoding="utf-8").splitlines()
    left = [line for line in lines if not line.startswith(f"{name}=")]
    assert len(left) == len(lines) - 1
    env.write_text("\n".join(left), encoding="utf-8")
    services, said = check(COMPOSE, env)
    assert services == []
    assert f"required variable {name} is missing a value" in said
