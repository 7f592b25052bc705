"""The contract itself: what the sidecar expects of a plugin, one test a promise."""

import asyncio
import contextlib
import logging
import logging.handlers
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from pydantic import SecretBytes, SecretStr

from chattrail.events import EVENT_TYPES, attributes_of
from common.settings import Settings
from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Clock, Context, Factory, Plugin
from sidecar.telemetry.metrics import Metrics
from sidecar.testing.events import batch, event

CANARY = "words of a person, which no log may hold"


class PluginContract:
    """Inherit it in a class named `Test…`. What may be set or overridden stands first."""

    factory: ClassVar[Factory]
    settings: ClassVar[Mapping[str, str]] = {}
    """Environment variables that the plugin needs."""
    away: ClassVar[Mapping[str, str] | None] = None
    """Variables under which its server can't be reached; None when `start` asks nobody."""
    time_limit_s: ClassVar[float] = 30.0
    """Seconds that any one call may take."""

    @contextlib.asynccontextmanager
    async def environ(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        """Yield the plugin's variables; bring up before, and take down after, what it talks to."""
        yield self.settings

    def records(self) -> list[LogRecord]:
        """Return records that mean most to the plugin; the tests mix them with every type there is."""
        return []

    def test_the_factory_says_who_it_is(self) -> None:
        """Its name, variables and documentation belong together."""
        config, prefix = self.factory.config, f"SIDECAR_{self.factory.name.upper().replace('-', '_')}"
        _expect(issubclass(config, Settings), "Factory.config must be a subclass of common.settings.Settings")
        _expect(config.prefix == prefix, f"{config.__name__}.prefix must be {prefix!r}: the name tells the variables")
        _expect((config.__doc__ or "").strip(), f"{config.__name__} needs a docstring: the list of plugins shows it")
        for name, field in config.model_fields.items():
            _expect(field.description, f"setting {name} needs a description")

    def test_building_touches_nothing(self, tmp_path: Path) -> None:
        """`build` does no I/O: not even its folder is made."""

        async def use(plugin: Plugin, _secrets: list[str]) -> None:
            _expect(not (tmp_path / "data").exists(), "the data directory was made by build; make it in start")
            events = plugin.events
            _expect(events is None or isinstance(events, frozenset), "`events` must be a frozenset or None")

        self._with(tmp_path, use, start=False)

    def test_shutdown_before_start_and_twice(self, tmp_path: Path) -> None:
        """`shutdown` is idempotent and safe before `start`."""

        async def use(plugin: Plugin, _secrets: list[str]) -> None:
            await self._in_time(plugin.shutdown)

        self._with(tmp_path, use, start=False)

    def test_batches_of_any_kind_are_handled_again_and_again(self, tmp_path: Path) -> None:
        """Events of every type, bare records and repeats, one by one and at once."""

        async def use(plugin: Plugin, _secrets: list[str]) -> None:
            batches = self._batches()
            for each in [*batches, *batches]:
                await self._in_time(partial(plugin.handle, each))
            await asyncio.gather(*(self._in_time(partial(plugin.handle, each)) for each in batches))

        self._with(tmp_path, use)

    def test_started_again_after_shutdown_it_works(self, tmp_path: Path) -> None:
        """A plugin can be taken down and brought up again."""

        async def use(plugin: Plugin, _secrets: list[str]) -> None:
            handle = partial(plugin.handle, self._batches()[0])
            for call in (handle, plugin.shutdown, plugin.shutdown, plugin.start, handle):
                await self._in_time(call)

        self._with(tmp_path, use)

    def test_neither_texts_nor_secrets_are_logged(self, tmp_path: Path) -> None:
        """At any log level: a person's words and the plugin's secrets stay out."""
        logged = logging.handlers.BufferingHandler(sys.maxsize)
        root, level = logging.getLogger(), logging.getLogger().level
        hidden = [CANARY]

        async def use(plugin: Plugin, secrets: list[str]) -> None:
            hidden.extend(secrets)
            for each in self._batches():
                await self._in_time(partial(plugin.handle, each))

        root.addHandler(logged)
        root.setLevel(logging.DEBUG)
        try:
            self._with(tmp_path, use)
        finally:
            root.removeHandler(logged)
            root.setLevel(level)
        own = [logging.Formatter().format(one) for one in logged.buffer if one.name.startswith("sidecar.")]
        shown = [line for line in own if any(text in line for text in hidden)]
        _expect(not shown, "a log line held a person's words or a secret setting")

    def test_a_server_that_is_away_is_retryable_and_hides_secrets(self, tmp_path: Path) -> None:
        """The sidecar starts before what it talks to: the plugin says so and is asked again."""

        async def use(plugin: Plugin, secrets: list[str]) -> None:
            for call in (plugin.start, partial(plugin.handle, self._batches()[0])):
                try:
                    await self._in_time(call)
                except RetryableError as error:
                    _expect(not any(each in error.reason for each in secrets), "the reason quotes a secret setting")
                else:
                    raise AssertionError("expected RetryableError while the server is away")

        if self.away is not None:
            self._with(tmp_path, use, start=False, changed=self.away)

    def _batches(self) -> list[Batch]:
        every = [attribute for one in EVENT_TYPES.values() for attribute in attributes_of(one).values()]
        private: dict[str, Any] = {attribute.name: CANARY for attribute in every if attribute.private}
        own = self.records()
        return [
            batch(*own, event("command")),
            batch(*(event(type_, attributes=private) for type_ in EVENT_TYPES)),
            batch(LogRecord(time_unix_nano=1)),
            batch(LogRecord(time_unix_nano=2**64 - 1, event_name="chattrail.made_up")),
            batch(*(event("ai_message", user=str(number)) for number in range(200)), *own),
        ]

    def _with(
        self,
        folder: Path,
        use: Callable[[Plugin, list[str]], Awaitable[None]],
        *,
        start: bool = True,
        changed: Mapping[str, str] | None = None,
    ) -> None:
        """Build the plugin and let a test use it, with its secret settings; shut it down afterwards."""
        name, known = self.factory.name, self.factory.config.variables()

        async def run() -> None:
            async with self.environ(folder / "peers") as environ:
                given = {**environ, **(changed or {})}
                config = self.factory.config.load({name: value for name, value in given.items() if name in known})
                context = Context(Clock(), logging.getLogger(f"sidecar.{name}"), Metrics(), folder / "data")
                plugin = self.factory.build(config, context)
                if start:
                    await self._in_time(plugin.start)
                try:
                    await use(plugin, _secrets(config))
                finally:
                    await self._in_time(plugin.shutdown)

        asyncio.run(run())

    async def _in_time(self, call: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self.time_limit_s):
                await call()
        except TimeoutError:
            raise AssertionError(f"a call took longer than {self.time_limit_s:g} s") from None


def _secrets(config: Settings) -> list[str]:
    values = [value.get_secret_value() for _, value in config if isinstance(value, SecretStr | SecretBytes)]
    return [value if isinstance(value, str) else value.decode() for value in values if value]


def _expect(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)
