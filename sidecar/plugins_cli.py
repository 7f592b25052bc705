"""What `python -m sidecar plugins` shows: every plugin there is, and the settings of those that would be loaded."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from common.settings import Settings
from sidecar.errors import StartError
from sidecar.plugin import Factory
from sidecar.registry import BUILTINS, Known, PluginFile, available, choose, load_settings, origins, plugins_dir

MASK = "********"


def listing(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines, loaded plugins first. Raises SettingsError or StartError, as a start would, for what is chosen."""
    folder = plugins_dir(environ)
    known = available(folder)
    own, chosen = load_settings(environ)
    origin = origins({factory.name: factory.config for factory, _ in chosen}, environ)
    for factory, config in chosen:
        yield _headline(factory, known[factory.name], "loaded")
        yield from _lines(config, origin)
    yield "the sidecar itself:"
    yield from _lines(own, origin)
    loaded = {factory.name for factory, _ in chosen}
    for name, entry in known.items():
        if name in loaded:
            continue
        try:
            factory = choose([name], folder)[0]
        except StartError as error:
            yield f"{name}: not loaded, and could not be: {error}"
            continue
        yield _headline(factory, entry, "not loaded")
        for variable, key in factory.config.variables().items():
            yield f"  {variable}  {_field(factory.config, key).description}"


def _lines(config: Settings, origin: Mapping[str, str]) -> Iterator[str]:
    for variable, value, about in _settings(config):
        yield f"  {variable}={_shown(value)}  ({origin[variable]})  {about}"


def _headline(factory: Factory, entry: Known, state: str) -> str:
    kind = "required, holds back the answer" if factory.required else "optional, never holds back the answer"
    if factory.name in BUILTINS:
        source = "built in"
    elif isinstance(entry, PluginFile):
        source = str(entry.path)
    else:
        source = f"installed by {entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    return f"{factory.name}: {state}; {kind}; {source}"


def _settings(config: Settings) -> Iterator[tuple[str, Any, str]]:
    for variable, key in config.variables().items():
        field = _field(type(config), key)
        name = next(name for name, one in type(config).model_fields.items() if one is field)
        yield variable, getattr(config, name), field.description or ""


def _field(config: type[Settings], key: str) -> FieldInfo:
    return next(field for name, field in config.model_fields.items() if (field.alias or name) == key)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr | SecretBytes):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, tuple | list | set | frozenset):
        return ",".join(_shown(item) for item in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
