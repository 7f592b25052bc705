"""Which plugins there are: built-ins by dotted path, strangers by entry point. A plugin is imported only when chosen."""

import difflib
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points

from chattrail.settings import Settings, SettingsError, load_all
from sidecar.errors import StartError
from sidecar.plugin import Factory
from sidecar.settings import DEFAULT_PLUGINS, SidecarSettings, comma_list

GROUP = "chattrail.sidecar"
BUILTINS: Mapping[str, str] = {
    "clickhouse": "sidecar.plugins.clickhouse:FACTORY",
    "debug": "sidecar.plugins.debug:FACTORY",
    "images": "sidecar.plugins.images:FACTORY",
    "telegram_alerts": "sidecar.plugins.telegram_alerts:FACTORY",
    "webhook": "sidecar.plugins.webhook:FACTORY",
}


def available() -> dict[str, EntryPoint]:
    """Every plugin that could be chosen, by name, not imported. A built-in's name can't be taken over."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    found.update({name: EntryPoint(name, path, GROUP) for name, path in BUILTINS.items()})
    return dict(sorted(found.items()))


def choose(names: Iterable[str]) -> list[Factory]:
    """Import the named plugins. Raises SettingsError for a name that does not exist, StartError for a broken plugin."""
    known = available()
    chosen: list[Factory] = []
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise SettingsError(
                f"CHATTRAIL_SIDECAR_PLUGINS: there is no plugin {name!r}; did you mean {nearest[0]}? "
                f"Available: {', '.join(known)}"
            )
        if any(factory.name == name for factory in chosen):
            raise SettingsError(f"CHATTRAIL_SIDECAR_PLUGINS: {name} is named twice")
        chosen.append(_load(known[name]))
    return chosen


def load_settings(
    environ: Mapping[str, str] | None = None,
) -> tuple[SidecarSettings, list[tuple[Factory, Settings]]]:
    """Read the sidecar's settings and those of the chosen plugins together, so that every fault is told at once.

    Settings of plugins that exist but are not chosen are left alone: one `.env` may serve several choices.
    """
    environ = os.environ if environ is None else environ
    names = comma_list(environ.get("CHATTRAIL_SIDECAR_PLUGINS") or DEFAULT_PLUGINS)
    assert isinstance(names, tuple)
    factories = choose(names)
    models: Sequence[type[Settings]] = [SidecarSettings, *(factory.config for factory in factories)]
    understood = {name for model in models for name in model.variables()}
    idle = tuple(variable_prefix(name) for name in available() if name not in names)
    relevant = {name: value for name, value in environ.items() if name in understood or not name.startswith(idle)}
    own, *others = load_all(list(models), relevant)
    assert isinstance(own, SidecarSettings)
    return own, list(zip(factories, others, strict=True))


def variable_prefix(plugin: str) -> str:
    """The start of a plugin's environment variables."""
    return f"CHATTRAIL_SIDECAR_{plugin.upper().replace('-', '_')}_"


def _load(entry: EntryPoint) -> Factory:
    module, _, attribute = entry.value.partition(":")
    try:
        loaded = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise StartError(f"plugin {entry.name}: {entry.value} can't be imported: {error}") from error
    if not isinstance(loaded, Factory):
        raise StartError(
            f"plugin {entry.name}: {entry.value} is a {type(loaded).__name__}, not a sidecar.plugin.Factory"
        )
    if loaded.name != entry.name:  # settings and reasons go by one name
        raise StartError(f"plugin {entry.name}: its Factory is named {loaded.name!r}; both names must be the same")
    return loaded
