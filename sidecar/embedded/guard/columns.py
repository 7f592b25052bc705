"""Declarations of columns that come as a text: of external tables and of table functions such as values()."""

from typing import Final

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.tree import Node, Trees

# A type may be anything that the engine knows; a default, a codec or a TTL would be an expression.
PLAIN: Final = frozenset({"type", "name", "data_type"})
DECLARED: Final = frozenset({"type", "table", "table_ast", "is_temporary", "columns_list"})


def declared(trees: Trees, structure: str, what: str) -> Node:
    """The tree of a temporary table `t` with these columns: `a UInt8, b Array(String)`.

    The text is put between brackets to be parsed, never to be run: a text that is more than a list of columns gives
    a tree with more than that. Raises ClickHouseError.
    """
    try:
        tree = trees.parse(f"CREATE TEMPORARY TABLE t ({structure}\n)")
    except ClickHouseError as error:
        raise ClickHouseError(
            Code.BAD_ARGUMENTS, f"The structure of {what} is not a list of columns: {error.message}"
        ) from None
    given = {key for key, value in tree.items() if value}
    columns = (tree.get("columns_list") or {}).get("columns") or {}
    plain = given == DECLARED and {key for key, value in tree["columns_list"].items() if value} == {"type", "columns"}
    if not plain or any(set(_given(column)) - PLAIN for column in columns.get("children", ())):
        raise ClickHouseError(Code.BAD_ARGUMENTS, f"The structure of {what} is not a list of columns with a type each")
    return tree


def of_types(trees: Trees, types: str, what: str) -> Node:
    """The same for types without names: `UInt8, Array(String)` become the columns _1 and _2."""
    tree = declared(trees, f"c Tuple({types}\n)", what)
    columns = tree["columns_list"]["columns"]["children"]
    kind = columns[0]["data_type"] if len(columns) == 1 else {}
    if kind.get("type") != "TupleDataType" or _given(kind).get("element_names"):
        raise ClickHouseError(Code.BAD_ARGUMENTS, f"The types of {what} are not a list of types")
    tree["columns_list"]["columns"]["children"] = [
        {"type": "ColumnDeclaration", "name": f"_{at}", "data_type": inner}
        for at, inner in enumerate(kind["arguments"]["children"], 1)
    ]
    return tree


def _given(node: Node) -> Node:
    return {key: value for key, value in node.items() if value}
