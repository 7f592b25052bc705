"""The output of `python -m sidecar plugins`: every plugin there is, and the settings of those that would be loaded."""

from collections.abc import Iterator, Mapping

from pydantic import SecretBytes, SecretStr

from common.settings import Settings
from sidecar.errors import StartError
from sidecar.plugin import Factory
from sidecar.registry import BUILTINS, Known, PluginFile, choose, load

MASK = "********"


def plugin_lines(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines, loaded plugins first. Raises SettingsError or StartError, as a start would, for what is chosen."""
    loaded = load(environ)
    for factory, config in loaded.chosen:
        yield _headline(factory, loaded.known[factory.name], "loaded")
        yield from _values(config, loaded.origins)
    yield "the sidecar itself:"
    yield from _values(loaded.own, loaded.origins)
    for name in sorted(loaded.known.keys() - {factory.name for factory, _ in loaded.chosen}):
        try:
            (factory,) = choose([name], loaded.known)
        except StartError as error:
            yield f"{name}: not loaded, and could not be: {error}"
            continue
        yield _headline(factory, loaded.known[name], "not loaded")
        for variable, field in zip(factory.config.variables(), factory.config.model_fields.values(), strict=True):
            yield f"  {variable}  {field.description}"


def _values(config: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    for variable, (name, field) in zip(config.variables(), type(config).model_fields.items(), strict=True):
        yield f"  {variable}={_shown(getattr(config, name))}  ({origins[variable]})  {field.description or ''}"


def _headline(factory: Factory, entry: Known, state: str) -> str:
    kind = "required, holds back the answer" if factory.required else "optional, never holds back the answer"
    if factory.name in BUILTINS:
        source = "built in"
    elif isinstance(entry, PluginFile):
        source = str(entry.path)
    else:
        source = f"installed by {entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    return f"{factory.name}: {state}; {kind}; {source}"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr | SecretBytes):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, tuple | list | set | frozenset):
        return ",".join(_shown(item) for item in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
