"""The kinds of node that a tree may hold, and what each may carry; what is false or empty is not looked at.

A kind or a key that is not here is refused, so what the engine's grammar gains is refused until somebody has judged it.
Left out on purpose: `out_file`, `infile`, `cluster`, `uuid`, `dictionary`, `table_override`, disks as a goal.
"""

from typing import Final

from sidecar.embedded.guard.names import words

NODES: Final = {
    kind: words(keys)
    for kind, keys in {
        "AlterCommand": "command_type clear_column clear_index clear_statistics clear_projection col_decl column comment"
        " constraint constraint_decl detach first if_exists if_not_exists from_database from_table index index_decl"
        " move_destination_type order_by part partition predicate projection projection_decl refresh remove_property"
        " rename_to replace sample_by select settings_changes settings_resets sql_security statistics_decl to_database"
        " to_table ttl update_assignments",
        "AlterQuery": "alter_object command_list database database_ast settings_ast table table_ast",
        "ArrayJoin": "expression_list kind",
        "Assignment": "children column_name",
        "Asterisk": "transformers expression",
        "CheckAllTablesQuery": "settings_ast format_ast",
        "CheckTableQuery": "database part_name partition settings_ast format_ast table",
        "ColumnDeclaration": "codec collation comment data_type default_expression default_specifier ephemeral_default"
        " name null_modifier primary_key_specifier settings statistics_desc ttl",
        "Columns definition": "columns constraints indices primary_key primary_key_from_columns projections",
        "ColumnsApplyTransformer": "column_name_prefix func_name lambda lambda_arg parameters",
        "ColumnsExceptTransformer": "children is_strict pattern",
        "ColumnsListMatcher": "column_list transformers expression",
        "ColumnsRegexpMatcher": "pattern transformers expression",
        "ColumnsReplaceTransformer": "children is_strict",
        "ColumnsReplaceTransformerReplacement": "children name",
        "ColumnsTransformerList": "children",
        "ConstraintDeclaration": "constraint_type expr name",
        "CreateQuery": "as_database as_table as_table_function attach columns_list comment create_or_replace database"
        " database_ast if_not_exists is_clone_as is_create_empty is_materialized_view is_ordinary_view is_populate"
        " is_temporary refresh_strategy replace_table replace_view select sql_security storage table table_ast targets",
        "CreateSQLFunctionQuery": "function_core function_name if_not_exists or_replace",
        "DataType": "arguments name",
        "DeleteQuery": "database partition predicate settings_ast table",
        "DropQuery": "database database_and_tables database_ast has_all has_tables if_empty if_exists is_temporary is_view"
        " kind permanently sync no_delay table table_ast not_like case_insensitive_like like",
        "EnumDataType": "name values",
        "ExplainQuery": "format_ast kind query settings settings_ast",
        "ExpressionList": "children separator",
        "Function": "alias arguments is_compound_name is_lambda_function is_operator is_window_function kind name"
        " no_empty_args nulls_action parameters prefer_alias_to_column_name window_definition window_name",
        "Identifier": "alias children name name_parts prefer_alias_to_column_name",
        "IndexDeclaration": "expression granularity index_type name",
        "InsertQuery": "columns database format select settings_ast table table_function",
        "InterpolateElement": "column expr",
        "KillQueryQuery": "kill_type sync test where_expression format_ast settings_ast",
        "Literal": "alias custom_type prefer_alias_to_column_name value",
        "NameTypePair": "name name_type",
        "OptimizeQuery": "cleanup database deduplicate deduplicate_by_columns final partition table",
        "OrderByElement": "collation direction expression fill_from fill_staleness fill_step fill_to nulls_direction"
        " nulls_direction_was_explicitly_specified with_fill",
        "Partition": "all fields_count id value",
        "ProjectionDeclaration": "index name projection_type query with_settings settings",
        "ProjectionSelectQuery": "group_by order_by select where with",
        "QualifiedAsterisk": "qualifier transformers",
        "QualifiedColumnsListMatcher": "column_list qualifier transformers",
        "QualifiedColumnsRegexpMatcher": "pattern qualifier transformers",
        "QueryParameter": "alias name param_type",
        "RefreshStrategy": "append dependencies offset period schedule_kind settings spread",
        "RenameQuery": "database elements exchange rename_if_cannot_exchange",
        "SQLSecurity": "definer is_definer_current_user security_type",
        "SampleRatio": "denominator numerator",
        "SelectQuery": "aliases distinct distinct_on group_by group_by_all group_by_with_cube group_by_with_grouping_sets"
        " group_by_with_rollup group_by_with_totals having interpolate limit_by limit_by_length limit_by_offset limit_by_all"
        " limit_length limit_offset limit_with_ties order_by order_by_all prewhere qualify recursive_with select settings"
        " tables where window with",
        "SelectIntersectExceptQuery": "children final_operator list_of_selects",
        "SelectWithUnionQuery": "format_ast list_of_modes list_of_selects set_of_modes settings_ast union_mode",
        "SetQuery": "changes default_settings is_standalone query_parameters",
        "ShowColumnsQuery": "case_insensitive_like database extended format_ast full like limit_length not_like settings_ast"
        " table where_expression",
        "ShowIndexesQuery": "database extended format_ast settings_ast table where_expression",
        "ShowTablesQuery": "case_insensitive_like changed clusters databases dictionaries format_ast from full like"
        " limit_length merges not_like settings settings_ast temporary where_expression",
        "StatisticsDeclaration": "columns types",
        "Storage": "engine order_by partition_by primary_key sample_by settings ttl_table unique_key",
        "Subquery": "alias children cte_name",
        "SystemQuery": "children database query_type table",
        "TTLElement": "destination_type group_by_assignments group_by_key mode recompression_codec ttl_expr where_expression",
        "TableExpression": "column_aliases database_and_table_name final sample_offset sample_size subquery table_function",
        "TableIdentifier": "alias children name name_parts",
        "TableJoin": "kind locality on_expression strictness using_expression_list",
        "TablesInSelectQuery": "children",
        "TablesInSelectQueryElement": "array_join table_expression table_join",
        "TimeInterval": "months seconds",
        "TupleDataType": "arguments element_names name",
        "UpdateQuery": "assignments database partition predicate settings_ast table",
        "UseQuery": "database",
        "UserNameWithHost": "host_pattern username",
        "ViewTargets": "targets",
        "WindowDefinition": "frame_begin_offset frame_begin_preceding frame_begin_type frame_end_offset frame_end_preceding"
        " frame_end_type frame_is_default frame_type order_by parent_window_name partition_by",
        "WindowListElement": "definition name",
        "WithElement": "aliases is_materialized name subquery",
    }.items()
}

# Nodes without a type: what belongs to the node above them.
PARTS: Final = {
    "RenameQuery": words(
        "from_database from_table to_database to_table from_database_ast from_table_ast to_database_ast to_table_ast"
        " if_exists"
    ),
    "ViewTargets": words("kind table_database table_name inner_engine table_database_ast table_name_ast"),
}

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
