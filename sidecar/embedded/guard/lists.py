"""What the running engine lists, as far as names are judged by it."""

from dataclasses import dataclass

from sidecar.embedded.guard.settings import SettingNames
from sidecar.embedded.guard.tree import Trees


@dataclass(frozen=True, slots=True)
class Lists:
    """The engine's names, case-folded: it takes many in any case."""

    functions: frozenset[str]
    table_functions: frozenset[str]
    combinators: tuple[str, ...]
    aggregates: frozenset[str]
    types: frozenset[str]
    output_formats: dict[str, str]
    input_formats: dict[str, str]
    settings: SettingNames

    @classmethod
    def read(cls, trees: Trees) -> "Lists":
        """Ask the engine."""

        def named(sql: str) -> dict[str, str]:
            return {name.casefold(): name for name in trees.lines(sql)}

        def folded(sql: str) -> frozenset[str]:
            return frozenset(map(str.casefold, trees.lines(sql)))

        combinators = trees.lines("SELECT name FROM system.aggregate_function_combinators")
        return cls(
            functions=folded("SELECT name FROM system.functions"),
            table_functions=folded("SELECT name FROM system.table_functions"),
            combinators=tuple(name.casefold() for name in combinators),
            aggregates=folded("SELECT name FROM system.functions WHERE is_aggregate"),
            types=folded("SELECT name FROM system.data_type_families"),
            output_formats=named("SELECT name FROM system.formats WHERE is_output"),
            input_formats=named("SELECT name FROM system.formats WHERE is_input"),
            settings=SettingNames.read(
                trees.lines("SELECT name, type, alias_for, is_obsolete FROM system.settings"),
                trees.lines("SELECT name, type FROM system.merge_tree_settings"),
            ),
        )
