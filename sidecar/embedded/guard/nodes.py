"""The kinds of node that a tree may hold, what each may carry, and what a name means where it stands."""

from typing import Final

from sidecar.embedded.guard.names import listed

NODES: Final = listed("nodes")
PARTS: Final = listed("parts")

# Values, which hold no nodes.
DATA: Final = frozenset({
    ("Literal", "value"), ("SetQuery", "changes"), ("SetQuery", "query_parameters"), ("EnumDataType", "values"),
})  # fmt: skip

# What a name means under a key; everything else below a node is an expression.
ROLES: Final = {
    ("TableExpression", "table_function"): "table function",
    ("InsertQuery", "table_function"): "table function",
    ("CreateQuery", "as_table_function"): "table function",
    ("Storage", "engine"): "engine",
    ("ColumnDeclaration", "codec"): "codec",
    ("TTLElement", "recompression_codec"): "codec",
    ("IndexDeclaration", "index_type"): "index",
    ("ProjectionDeclaration", "projection_type"): "projection index",
    ("StatisticsDeclaration", "types"): "statistics",
    ("ColumnDeclaration", "statistics_desc"): "statistics",
    ("Storage", "settings"): "table settings",
    ("AlterCommand", "settings_changes"): "table settings",
    ("AlterCommand", "settings_resets"): "table settings",
    ("ColumnDeclaration", "settings"): "table settings",
    ("ProjectionDeclaration", "with_settings"): "table settings",
    ("RefreshStrategy", "settings"): "table settings",
    ("ExplainQuery", "settings"): "explain settings",
}
