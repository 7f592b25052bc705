"""The contract of sidecar.testing over each built-in as the registry gives it, on the real thing it talks to."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context, Plugin
from sidecar.plugins.clickhouse.migrate import migrate
from sidecar.registry import BUILTINS, choose
from sidecar.testing import PluginContract, event
from stack.simulators.telegram.server import TelegramServer
from tests.support.embedded import EmbeddedClickHouse
from tests.support.image_host import image_bytes

NOBODY = "http://somebody:hidden@127.0.0.1:1/chattrail"
IMAGE = {"chattrail.image.data": image_bytes()}


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


class OnDatabase(PluginContract):
    """A plugin that needs a database of its own, one for all its tests: its tables take a second to make."""

    url: ClassVar[str]

    away: ClassVar[Mapping[str, str] | None] = {"CHATTRAIL_SIDECAR_CLICKHOUSE_URL": NOBODY}

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def database(cls, clickhouse: EmbeddedClickHouse) -> Iterator[None]:
        with clickhouse.fresh_database() as name:
            cls.url = urlsplit(clickhouse.url)._replace(path=f"/{name}").geturl()
            yield

    @contextlib.asynccontextmanager
    async def environ(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        images = str(folder / "pictures")
        yield {"CHATTRAIL_SIDECAR_CLICKHOUSE_URL": self.url, "CHATTRAIL_SIDECAR_IMAGES_DIRECTORY": images}

    def records(self) -> list[Any]:
        return [event("image_generated", attributes=IMAGE)]


class TestClickHouse(OnDatabase):
    factory = choose(["clickhouse"])[0]


class TestImages(OnDatabase):
    factory = choose(["images"])[0]
    away: ClassVar[Mapping[str, str] | None] = None  # the journal takes what comes

    @contextlib.asynccontextmanager
    async def environ(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        async with super().environ(folder) as environ:
            await asyncio.to_thread(migrate, environ["CHATTRAIL_SIDECAR_CLICKHOUSE_URL"])
            yield environ


class TestDebug(PluginContract):
    factory = choose(["debug"])[0]


class TestWebhook(PluginContract):
    factory = choose(["webhook"])[0]
    settings: ClassVar[Mapping[str, str]] = {
        "CHATTRAIL_SIDECAR_WEBHOOK_URL": "http://hook:hidden@127.0.0.1:1/",
        "CHATTRAIL_SIDECAR_WEBHOOK_SECRET": "a secret that is long enough",
        "CHATTRAIL_SIDECAR_WEBHOOK_MESSAGE_TEXT": "true",
        "CHATTRAIL_SIDECAR_WEBHOOK_EVENTS": "user_message,ai_message",
        "CHATTRAIL_SIDECAR_WEBHOOK_FLUSH_S": "0.05",
    }


class TestTelegramAlerts(PluginContract):
    factory = choose(["telegram_alerts"])[0]
    away: ClassVar[Mapping[str, str]] = {"CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_API_URL": "http://127.0.0.1:1"}

    @contextlib.asynccontextmanager
    async def environ(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        async with TelegramServer(token="42:HIDDEN-TOKEN") as telegram:
            given = {"TOKEN": telegram.token, "CHAT_ID": "900", "API_URL": telegram.url, "RULES": "command > 1 in 1 h"}
            yield {f"CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_{name}": value for name, value in given.items()}


class TestFigureAlerts(PluginContract):
    factory = choose(["figure_alerts"])[0]
    away: ClassVar[Mapping[str, str]] = {"CHATTRAIL_SIDECAR_FIGURE_ALERTS_API_URL": "http://127.0.0.1:1"}

    @contextlib.asynccontextmanager
    async def environ(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        async with TelegramServer(token="42:HIDDEN-TOKEN") as telegram:
            given = {
                "TOKEN": telegram.token, "CHAT_ID": "900", "API_URL": telegram.url, "WEB_URL": "http://127.0.0.1:1",
                "WEB_TOKEN": "HIDDEN-WEB-TOKEN",
            }  # fmt: skip
            yield {f"CHATTRAIL_{self.factory.config.prefix}_{name}": value for name, value in given.items()}


class TestTelegramDigest(TestFigureAlerts):
    factory = choose(["telegram_digest"])[0]
    away: ClassVar[Mapping[str, str]] = {"CHATTRAIL_SIDECAR_TELEGRAM_DIGEST_API_URL": "http://127.0.0.1:1"}


def test_every_builtin_is_held_to_the_contract() -> None:
    held = {one.factory.name for one in _below(PluginContract) if one.__name__.startswith("Test")}
    assert held == set(BUILTINS)


def _below(contract: type[PluginContract]) -> Iterator[type[PluginContract]]:
    for one in contract.__subclasses__():
        yield one
        yield from _below(one)


async def _hang(self: Any, *_: Any) -> None:
    await asyncio.Event().wait()


async def _tell(self: Any, batch: Batch) -> None:
    for message in batch.events(frozenset({"user_message"})):
        self._logger.debug("got %s", message.attributes)


async def _shut_once(self: Any) -> None:
    assert not hasattr(self, "shut"), "shut down already"
    self.shut = True


async def _need_a_server(self: Any, *_: Any) -> None:
    raise RetryableError(f"{NOBODY} is away")


@pytest.mark.parametrize(
    ("test", "promise", "broken", "message"),
    [
        ("test_building_touches_nothing", "events", ["command"], "`events` must be a frozenset"),
        ("test_batches_of_any_kind_are_handled_again_and_again", "handle", _hang, "took longer than 0.2 s"),
        ("test_neither_texts_nor_secrets_are_logged", "handle", _tell, "held a person's words"),
        ("test_shutdown_before_start_and_twice", "shutdown", _shut_once, "shut down already"),
        ("test_started_again_after_shutdown_it_works", "shutdown", _shut_once, "shut down already"),
        ("test_a_server_that_is_away_is_retryable_and_hides_secrets", "start", _need_a_server, "quotes a secret"),
        ("test_a_server_that_is_away_is_retryable_and_hides_secrets", "level", None, "expected RetryableError"),
    ],
)
def test_negative_control_a_broken_promise_is_caught(
    test: str, promise: str, broken: Any, message: str, tmp_path: Path
) -> None:
    webhook = choose(["webhook"])[0]
    debug = choose(["debug"])[0]

    def build(config: Any, context: Context) -> Plugin:
        plugin = debug.build(debug.config(), context)
        setattr(plugin, promise, broken.__get__(plugin) if callable(broken) else broken)
        return plugin

    class Broken(PluginContract):
        factory = dataclasses.replace(webhook, build=build)
        settings: ClassVar[Mapping[str, str]] = {
            **TestWebhook.settings,
            "CHATTRAIL_SIDECAR_WEBHOOK_URL": NOBODY,
            "CHATTRAIL_SIDECAR_WEBHOOK_SECRET": "http://somebody:hidden",
        }
        away: ClassVar[Mapping[str, str]] = {}
        time_limit_s = 0.2

    with pytest.raises(AssertionError, match=message):
        getattr(Broken(), test)(tmp_path)


def test_negative_control_a_factory_without_words_is_caught() -> None:
    class Nameless(PluginContract):
        factory = dataclasses.replace(choose(["debug"])[0], name="other")

    with pytest.raises(AssertionError, match="prefix must be 'SIDECAR_OTHER'"):
        Nameless().test_the_factory_says_who_it_is()
