"""Settings from a TOML file: a table for the sidecar, one for each plugin. The environment wins over it.

    [sidecar]
    plugins = ["clickhouse", "webhook"]

    [plugins.webhook]
    url = "https://crm.example/hook"
    secret = { file = "/run/secrets/webhook" }      # or { env = "CRM_SECRET" }

Keys are the names of the settings' fields. A table of a plugin that exists and is not chosen is left alone.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import SecretBytes, SecretStr

from common.settings import Given, Settings, SettingsError, nearest
from sidecar.settings import SidecarSettings

OWN = "sidecar"
PLUGINS = "plugins"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A TOML file that was read; `values` checks its tables."""

    path: Path
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file. Raises SettingsError when there is none, or it is not TOML."""
        try:
            return cls(path, tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise SettingsError(f"CHATTRAIL_SIDECAR_CONFIG: {path} can't be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not a TOML file: {error}") from None

    def early(self, key: str, kinds: type | tuple[type, ...]) -> Any:
        """A value of the sidecar's own table, needed to know the plugins; None where it is missing or wrong."""
        table = self.tables.get(OWN)
        value = table.get(key) if isinstance(table, dict) else None
        return value if isinstance(value, kinds) else None

    def values(
        self, plugins: Mapping[str, type[Settings]], known: Collection[str], environ: Mapping[str, str]
    ) -> tuple[dict[str, Given], list[str]]:
        """Return the values by the variable that would set them, and what is wrong with the file, a line each.

        `plugins` are the models of the chosen plugins by name, `known` the names of all plugins.
        """
        faults = self._unknown_tables(known)
        found: dict[str, Given] = {}
        models: dict[str, type[Settings]] = {
            OWN: SidecarSettings,
            **{f"{PLUGINS}.{name}": model for name, model in plugins.items()},
        }
        for table, model in models.items():
            given = self._table(table)
            if not isinstance(given, dict):
                faults.append(f"{self.path}: [{table}] must be a table")
                continue
            variables = dict(zip(model.model_fields, model.variables(), strict=True))
            if table == OWN:
                del variables["config"]
            for key, value in given.items():
                where = f"{self.path} [{table}] {key}"
                if key not in variables:
                    faults.append(f"{where}: there is no such setting; did you mean {nearest(key, variables)}?")
                    continue
                try:
                    one = Given(where, _resolved(value, model.model_fields[key].annotation, environ))
                except ValueError as error:
                    faults.append(f"{where}: {error}")
                    continue
                other = found.setdefault(variables[key], one)
                if other.value != one.value:
                    faults.append(f"{where}: {other.where} sets the same and says otherwise; keep one of them")
        return found, faults

    def _table(self, name: str) -> Any:
        table: Any = self.tables
        for part in name.split(".", 1):
            table = table.get(part, {}) if isinstance(table, dict) else {}
        return table

    def _unknown_tables(self, known: Collection[str]) -> list[str]:
        there_are = [OWN, *(f"{PLUGINS}.{name}" for name in known)]
        plugins = self.tables.get(PLUGINS, {})
        named = [name for name in self.tables if name not in (OWN, PLUGINS)]
        faults = [] if isinstance(plugins, dict) else [f"{self.path}: [{PLUGINS}] must hold a table for each plugin"]
        named += [f"{PLUGINS}.{name}" for name in plugins if name not in known] if isinstance(plugins, dict) else []
        for name in named:
            faults.append(f"{self.path}: there is no table [{name}]; did you mean [{nearest(name, there_are)}]?")
        return faults


def _resolved(value: Any, annotation: Any, environ: Mapping[str, str]) -> Any:
    """Fetch a secret from where it is kept. Raises ValueError for what pydantic would take and nobody can mean."""
    kinds = _kinds(annotation)
    if isinstance(value, dict) and kinds & {SecretStr, SecretBytes}:
        match value:
            case {"env": str(name)} if len(value) == 1:
                if not environ.get(name):
                    raise ValueError(f"the environment has no {name}")
                return environ[name]
            case {"file": str(name)} if len(value) == 1:
                try:
                    return Path(name).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    why = error.strerror if isinstance(error, OSError) else "it is not text"
                    raise ValueError(f"{name} can't be read: {why}") from None
        raise ValueError('must be a text, { env = "NAME" } or { file = "path" }')
    if isinstance(value, bool) and bool not in kinds:
        raise ValueError(f"must be a {'number' if kinds & {int, float} else 'text'}, not {str(value).lower()}")
    return value


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return {annotation}.union(*(_kinds(one) for one in inner)) if inner else {annotation}
