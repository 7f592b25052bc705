"""Which settings a client may name: by the lists in allowed.toml, which say why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.names import listed

_LISTS: Final = listed("settings")
TEXTS: Final = frozenset({"String", "Map", "URI"})
FIXED: Final = _LISTS["fixed_types"]
REFUSED_TYPES: Final = _LISTS["refused_types"]
ALLOWED_TEXTS: Final = _LISTS["allowed_texts"]
SCHEMA: Final = _LISTS["schema"]
REFUSED_TEXTS: Final = _LISTS["refused_texts"]
REFUSED: Final = _LISTS["refused"]
CLOSED: Final = REFUSED_TEXTS | REFUSED
TABLE_TEXTS: Final = _LISTS["table_texts"]
TABLE_REFUSED: Final = _LISTS["table_refused"]
OTHER_TABLES: Final = _LISTS["other_tables"]


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The engine's own lists: type by name, name by alias, and the types of a table's settings."""

    types: Mapping[str, str]
    aliases: Mapping[str, str]
    obsolete: frozenset[str]
    of_tables: Mapping[str, str]

    @classmethod
    def read(cls, rows: Iterable[str], of_tables: Iterable[str]) -> "SettingNames":
        """From rows of `name, type, alias_for, is_obsolete` and `name, type`, separated by tabs."""
        types, aliases, obsolete = {}, {}, set()
        for name, kind, alias, is_obsolete in (row.split("\t") for row in rows):
            types[name] = kind
            if alias:
                aliases[name] = alias
            if is_obsolete == "1":
                obsolete.add(name)
        return cls(types, aliases, frozenset(obsolete), dict(row.split("\t") for row in of_tables))

    def check(self, name: str, value: Any, *, reader: bool) -> None:
        """Raise ClickHouseError when a query may not set this."""
        if name not in self.types:
            raise ClickHouseError(Code.UNKNOWN_SETTING, f"Unknown setting '{name}'")
        real = self.aliases.get(name, name)
        if real in SCHEMA and not reader:
            _check_schema(real, value)
            return
        kind = self.types[real]
        harmless = real in self.obsolete or kind in FIXED or (kind in TEXTS and real in ALLOWED_TEXTS)
        if real in CLOSED or real in SCHEMA or not harmless:
            raise ClickHouseError(Code.ACCESS_DENIED, f"The setting {name} is closed: leave it out")

    def check_of_table(self, name: str, value: Any, *, reader: bool) -> None:
        """Raise ClickHouseError when a table may not have this setting."""
        kind = self.of_tables.get(name)
        if kind is None:
            if name not in OTHER_TABLES:
                self.check(name, value, reader=reader)
        elif name in TABLE_REFUSED or (kind == "String" and name not in TABLE_TEXTS):
            raise ClickHouseError(Code.ACCESS_DENIED, f"The table setting {name} is closed: leave it out")


def _check_schema(name: str, value: Any) -> None:
    if name == "format_schema_source" and value != "string":
        raise ClickHouseError(Code.ACCESS_DENIED, "format_schema_source can only be 'string': files are closed")
    if name == "format_schema" and "import" in str(value):
        raise ClickHouseError(Code.ACCESS_DENIED, "format_schema can't import: write the types into it")
