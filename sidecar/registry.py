"""Which plugins there are: built-ins by dotted path, strangers by entry point, one-off files in a folder.

A plugin is imported only when chosen.
"""

import importlib.util
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NamedTuple

from common.settings import Settings, SettingsError, comma_list, load_all, nearest
from sidecar.config_file import ConfigFile
from sidecar.errors import StartError
from sidecar.plugin import Factory
from sidecar.settings import DEFAULT_PLUGINS, SidecarSettings

GROUP = "chattrail.sidecar"
BUILTINS: Mapping[str, str] = {
    "clickhouse": "sidecar.plugins.clickhouse:FACTORY",
    "debug": "sidecar.plugins.debug:FACTORY",
    "figure_alerts": "sidecar.plugins.figure_alerts:FACTORY",
    "images": "sidecar.plugins.images:FACTORY",
    "telegram_alerts": "sidecar.plugins.telegram_alerts:FACTORY",
    "telegram_digest": "sidecar.plugins.telegram_digest:FACTORY",
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

    def load(self) -> object:
        """Import the file and return its FACTORY."""
        name = f"chattrail_plugins_dir_{self.name}"  # no plugin's file may stand in for a module that others import
        spec = importlib.util.spec_from_file_location(name, self.path)
        if spec is None or spec.loader is None:
            raise ImportError("it is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # pydantic and pickle look their classes up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module.FACTORY


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


def require_own(path: Path) -> None:
    """Raise SettingsError when others than this user and root could put code at this path, links resolved."""
    if os.name != "posix":
        return
    about = path.stat()
    if about.st_uid not in (0, os.geteuid()):
        raise SettingsError(
            f"CHATTRAIL_SIDECAR_PLUGINS_DIR: {path} belongs to user {about.st_uid}, who could change what runs as this process "
            f"(user {os.geteuid()}): chown it, or copy it to a folder of this user"
        )
    if about.st_mode & stat.S_IWOTH:
        raise SettingsError(
            f"CHATTRAIL_SIDECAR_PLUGINS_DIR: everybody may write to {path}, and plugins run as this process: chmod o-w {path}"
        )
    for folder in path.parents:  # a user who may rename a folder may replace it, unless it is sticky as /tmp is
        about = folder.stat()
        if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
            raise SettingsError(
                f"CHATTRAIL_SIDECAR_PLUGINS_DIR: everybody may replace what is in {folder}, {path} too: chmod o-w {folder}"
            )


def choose(names: Iterable[str], known: Mapping[str, Known] | None = None) -> list[Factory]:
    """Import the named plugins. Raises SettingsError for a name that does not exist, StartError for a broken plugin."""
    known = available() if known is None else known
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


class Loaded(NamedTuple):
    """The checked settings of the sidecar and of the chosen plugins; `origins` says where each variable's value is from."""

    own: SidecarSettings
    chosen: list[tuple[Factory, Settings]]
    known: Mapping[str, Known]
    origins: Mapping[str, str]


def load(environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the sidecar's settings and those of the chosen plugins together, so that every fault is reported at once.

    Settings of plugins that exist but are not chosen are left alone: one `.env` may serve several choices.
    """
    environ = os.environ if environ is None else environ
    config = environ.get("CHATTRAIL_SIDECAR_CONFIG")
    file = ConfigFile.read(Path(config)) if config else None
    # needed before the settings can be checked
    folder = environ.get("CHATTRAIL_SIDECAR_PLUGINS_DIR") or (file.early("plugins_dir", str) if file else None)
    listed = environ.get("CHATTRAIL_SIDECAR_PLUGINS") or (file.early("plugins", (str, list)) if file else None)
    names = comma_list(listed or DEFAULT_PLUGINS)
    names = names if isinstance(names, tuple | list) else ()
    known = available(Path(folder) if folder else None)
    factories = choose(names, known)
    models: list[type[Settings]] = [SidecarSettings, *(factory.config for factory in factories)]
    variables = [name for model in models for name in model.variables()]
    idle = tuple(f"CHATTRAIL_SIDECAR_{name.upper().replace('-', '_')}_" for name in known if name not in names)
    relevant = {name: value for name, value in environ.items() if name in variables or not name.startswith(idle)}
    tables = {factory.name: factory.config for factory in factories}
    beneath, faults = file.values(tables, known, environ) if file else ({}, [])
    try:
        own, *others = load_all(models, relevant, beneath)
    except SettingsError as error:
        raise SettingsError("\n".join([*faults, str(error)])) from None
    if faults:
        raise SettingsError("\n".join(faults))
    assert isinstance(own, SidecarSettings)
    origins = {
        name: "environment" if environ.get(name) else beneath[name].where if name in beneath else "default"
        for name in variables
    }
    return Loaded(own, list(zip(factories, others, strict=True)), known, origins)


def _load(known: Known) -> Factory:
    try:
        loaded = known.load()
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
