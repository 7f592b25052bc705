"""What every sidecar plugin must do, run over each built-in as the registry gives it, on a real database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chattrail.settings import Settings
from sidecar.errors import Retryable
from sidecar.plugin import Context, Factory, Plugin, SystemClock
from sidecar.registry import BUILTINS, choose, variable_prefix
from sidecar.telemetry import Metrics
from tests import otlp
from tests.archives import batch_of
from tests.embedded import EmbeddedClickHouse
from tests.picture_host import picture

NAMES = sorted(BUILTINS)
WITHOUT_PEER = {"debug"}


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def url(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with clickhouse.fresh_database() as name:
        yield urlsplit(clickhouse.url)._replace(path=f"/{name}").geturl()


def config(factory: Factory, url: str, folder: Path) -> Settings:
    given = {"CHATTRAIL_SIDECAR_CLICKHOUSE_URL": url, "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": str(folder / "pictures")}
    return factory.config.load({name: given[name] for name in factory.config.variables() if name in given})


def build(name: str, url: str, folder: Path) -> Plugin:
    factory = choose([name])[0]
    context = Context(SystemClock(), logging.getLogger(name), Metrics(), folder / "data")
    return factory.build(config(factory, url, folder), context)


@pytest.fixture
async def plugin(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> AsyncIterator[Plugin]:
    """The plugin under test, started; the sink beside it when it needs the sink's tables."""
    name: str = request.param
    helpers = [] if name == "clickhouse" else [build("clickhouse", url, tmp_path / "sink")]
    for helper in helpers:
        await helper.start()
    built = build(name, url, tmp_path)
    await built.start()
    yield built
    for each in (built, *helpers):
        await each.shutdown()


@pytest.mark.parametrize("name", NAMES)
def test_the_factory_says_who_it_is(name: str) -> None:
    factory = choose([name])[0]
    assert factory.name == name
    assert f"CHATTRAIL_{factory.config.prefix}_" == variable_prefix(name)
    assert all(field.description for field in factory.config.model_fields.values())
    assert (factory.config.__doc__ or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_building_touches_nothing(name: str, tmp_path: Path) -> None:
    build(name, "http://nobody@127.0.0.1:1/chattrail", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
async def test_shutdown_before_start_and_twice(name: str, url: str, tmp_path: Path) -> None:
    built = build(name, url, tmp_path)
    await built.shutdown()
    await built.shutdown()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_PEER])
async def test_a_peer_that_is_away_is_retryable_and_hides_its_password(name: str, tmp_path: Path) -> None:
    built = build(name, "http://somebody:hidden@127.0.0.1:1/chattrail", tmp_path)
    with pytest.raises(Retryable) as caught:
        await built.start()
    assert "hidden" not in caught.value.reason
    with pytest.raises(Retryable):
        await built.handle(batch_of(otlp.event("image_generated", **{"chattrail.image.data": picture()})))
    await built.shutdown()


@pytest.mark.parametrize("plugin", NAMES, indirect=True)
async def test_batches_of_any_kind_are_handled_again_and_again(plugin: Plugin) -> None:
    picture_event = otlp.event("image_generated", **{"chattrail.image.data": picture()})
    batches = [
        batch_of(picture_event),
        batch_of(otlp.event("user_message", **{"chattrail.message.text": "hello"}), otlp.event("command")),
        batch_of(otlp.LogRecord(time_unix_nano=1)),
        batch_of(*[otlp.event("ai_message", user=str(number)) for number in range(200)], picture_event),
    ]
    for batch in [*batches, *batches]:
        await plugin.handle(batch)
    await asyncio.gather(*(plugin.handle(batch) for batch in batches))


@pytest.mark.parametrize("plugin", NAMES, indirect=True)
async def test_started_again_after_shutdown_it_works(plugin: Plugin) -> None:
    batch = batch_of(otlp.event("image_generated", **{"chattrail.image.data": picture()}))
    await plugin.handle(batch)
    await plugin.shutdown()
    await plugin.shutdown()
    await plugin.start()
    await plugin.handle(batch)
