"""Which plugins there are: built-ins by dotted path, strangers by entry point, one-off files in a folder.

A plugin is imported only when chosen.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from common.settings import Settings, SettingsError, comma_list, load_all, nearest
from sidecar.config_file import ConfigFile
from sidecar.errors import StartError
from sidecar.own_files import require_own
from sidecar.plugin import Factory
from sidecar.settings import DEFAULT_PLUGINS, SidecarSettings

GROUP = "chattrail.sidecar"
BUILTINS: Mapping[str, str] = {
    "clickhouse": "sidecar.plugins.clickhouse:FACTORY",
    "debug": "sidecar.plugins.debug:FACTORY",
    "images": "sidecar.plugins.images:FACTORY",
    "telegram_alerts": "sidecar.plugins.telegram_alerts:FACTORY",
    "webhook": "sidecar.plugins.webhook:FACTORY",
}


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A file that holds one plugin: `payments.py` is the plugin `payments` and exposes FACTORY."""

    path: Path

    @property
    def name(self) -> str:
        """The plugin's name, which its Factory must bear too."""
        return self.path.stem

    @property
    def value(self) -> str:
        """What errors call it."""
        return f"{self.path}:FACTORY"


Known = EntryPoint | PluginFile


def available(folder: Path | None = None) -> dict[str, Known]:
    """Every plugin that could be chosen, by name, not imported. A built-in's name can't be taken over.

    Raises SettingsError when the folder is none, or a file in it bears the name of another plugin.
    """
    found: dict[str, Known] = {entry.name: entry for entry in entry_points(group=GROUP)}
    found.update({name: EntryPoint(name, path, GROUP) for name, path in BUILTINS.items()})
    for file in _files(folder) if folder is not None else ():
        if file.name in found:
            raise SettingsError(
                f"CHATTRAIL_SIDECAR_PLUGINS_DIR: {file.path} bears the name of another plugin ({found[file.name].value}); "
                "rename the file and its Factory"
            )
        found[file.name] = file
    return dict(sorted(found.items()))


def _files(folder: Path) -> list[PluginFile]:
    if not folder.is_dir():
        raise SettingsError(f"CHATTRAIL_SIDECAR_PLUGINS_DIR: there is no folder {folder}")
    require_own(folder.resolve())
    files = [PluginFile(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    for file in files:
        require_own(file.path.resolve())
    return files


def choose(names: Iterable[str], folder: Path | None = None) -> list[Factory]:
    """Import the named plugins. Raises SettingsError for a name that does not exist, StartError for a broken plugin."""
    known = available(folder)
    chosen: list[Factory] = []
    for name in names:
        if name not in known:
            raise SettingsError(
                f"CHATTRAIL_SIDECAR_PLUGINS: there is no plugin {name!r}; did you mean {nearest(name, known)}? "
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
    file = config_file(environ)
    names = _chosen(environ, file)
    folder = plugins_dir(environ)
    factories = choose(names, folder)
    models: Sequence[type[Settings]] = [SidecarSettings, *(factory.config for factory in factories)]
    understood = {name for model in models for name in model.variables()}
    idle = tuple(variable_prefix(name) for name in available(folder) if name not in names)
    relevant = {name: value for name, value in environ.items() if name in understood or not name.startswith(idle)}
    tables = {factory.name: factory.config for factory in factories}
    beneath, faults = file.values(tables, available(folder), environ) if file else ({}, [])
    try:
        own, *others = load_all(list(models), relevant, beneath)
    except SettingsError as error:
        raise SettingsError("\n".join([*faults, str(error)])) from None
    if faults:
        raise SettingsError("\n".join(faults))
    assert isinstance(own, SidecarSettings)
    return own, list(zip(factories, others, strict=True))


def origins(chosen: Mapping[str, type[Settings]], environ: Mapping[str, str]) -> dict[str, str]:
    """Where the value of each variable comes from: the environment, a place in the file, or the default."""
    file = config_file(environ)
    models: list[type[Settings]] = [SidecarSettings, *chosen.values()]
    beneath, _ = file.values(chosen, chosen, environ) if file else ({}, [])
    return {
        name: "environment" if environ.get(name) else beneath[name].where if name in beneath else "default"
        for model in models
        for name in model.variables()
    }


def config_file(environ: Mapping[str, str]) -> ConfigFile | None:
    """The TOML file that the environment names. Raises SettingsError when it can't be read."""
    given = environ.get("CHATTRAIL_SIDECAR_CONFIG")
    return ConfigFile.read(Path(given)) if given else None


def plugins_dir(environ: Mapping[str, str]) -> Path | None:
    """The folder of plugin files that environment or file name. It is needed before the settings can be read."""
    file = config_file(environ)
    given = environ.get("CHATTRAIL_SIDECAR_PLUGINS_DIR") or (file.early("plugins_dir", str) if file else None)
    return Path(given) if given else None


def _chosen(environ: Mapping[str, str], file: ConfigFile | None) -> tuple[str, ...]:
    given = environ.get("CHATTRAIL_SIDECAR_PLUGINS") or (file.early("plugins", (str, list)) if file else None)
    names = comma_list(given or DEFAULT_PLUGINS)
    return tuple(names) if isinstance(names, tuple | list) else ()


def variable_prefix(plugin: str) -> str:
    """The start of a plugin's environment variables."""
    return f"CHATTRAIL_SIDECAR_{plugin.upper().replace('-', '_')}_"


def _load(known: Known) -> Factory:
    try:
        loaded = _loaded(known)
    except Exception as error:  # a stranger's module may raise anything
        what = error if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
        raise StartError(f"plugin {known.name}: {known.value} can't be imported: {what}") from error
    if not isinstance(loaded, Factory):
        raise StartError(
            f"plugin {known.name}: {known.value} is a {type(loaded).__name__}, not a sidecar.plugin.Factory"
        )
    if loaded.name != known.name:  # settings and reasons go by one name
        raise StartError(f"plugin {known.name}: its Factory is named {loaded.name!r}; both names must be the same")
    return loaded


def _loaded(known: Known) -> object:
    if isinstance(known, PluginFile):
        return _module(known).FACTORY
    module, _, attribute = known.value.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _module(file: PluginFile) -> ModuleType:
    name = f"chattrail_plugins_dir_{file.name}"  # no plugin's file may stand in for a module that others import
    spec = importlib.util.spec_from_file_location(name, file.path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and pickle look their classes up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
