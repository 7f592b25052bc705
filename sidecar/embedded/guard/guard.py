"""From a client's statement to what the engine runs: parsed, checked, and written anew from the tree that was checked."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard import columns, names, values
from sidecar.embedded.guard.check import Checker
from sidecar.embedded.guard.lists import Lists
from sidecar.embedded.guard.names import NAMES
from sidecar.embedded.guard.tree import Node, NoTreeError, Trees
from sidecar.embedded.sql import Statement, literal

REMEMBERED: Final = 512  # statements
LONGEST_REMEMBERED: Final = 16 << 10
SAVED: Final = "saved"  # the table that the user `saving` may insert into
PATH: Final = secrets.token_hex(16)  # stands for a path of ours; no client can know it


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run. `before` is its text, or the text before a path of ours with `after` behind it."""

    kind: str
    before: str
    after: str | None = None
    output_format: str = "TabSeparated"
    reads: bool = False
    keeps_state: bool = False
    without_format: str | None = None  # of a query in the format Native

    @property
    def selects(self) -> bool:
        """Whether its answer can be streamed, or written to a file with `sql(path)`."""
        return self.kind == "SelectWithUnionQuery"

    def sql(self, path: Path | None = None) -> str:
        """The text to run; `path` is the file that its answer goes to or its data come from."""
        return self.before if self.after is None else f"{self.before}{literal(str(path))}{self.after}"


class Guard:
    """Checks statements, settings, formats and columns. Methods block: call them from worker threads."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._trees = Trees(connect)
        self._lists = Lists.read(self._trees)
        self._remembered = lru_cache(REMEMBERED)(self._checked)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._trees.close()

    def check(
        self,
        statement: Statement,
        *,
        reader: bool,
        saver: bool = False,
        default_format: str = "TabSeparated",
        data: Path | None = None,
        literals: bool = True,
        own_id: Callable[[str], str | None] = lambda _: None,
    ) -> Checked:
        """What runs for a client's statement. Raises ClickHouseError that names what is closed, and why.

        `data` are the rows of an INSERT, which are evaluated even where they look like `literals` when those were refused;
        `own_id` gives the engine's id of a running query for the id that its client chose.
        """
        rows = None
        if data is not None and statement.is_values and not (reader or saver):
            rows = values.expressions(self._trees, self._checker(reader), data, literals=literals)
        known = rows is None and len(statement.text) <= LONGEST_REMEMBERED
        checked = (self._remembered if known else self._checked)(statement, reader, saver, default_format, rows)
        if checked.kind == "KillQueryQuery":
            tree = self._trees.parse(checked.before)
            _name_as_the_engine(tree["where_expression"], own_id)
            return replace(checked, before=self._trees.format(tree))
        return checked

    def _checked(
        self, statement: Statement, reader: bool, saver: bool, default_format: str, rows: str | None
    ) -> Checked:
        checker = self._checker(reader)
        default = checker.output_format(default_format)
        tree, text, beginning = self._tree(statement.text, reader)
        if saver:
            _check_saving(statement, tree)
        checker.statement(tree)
        text = self._trees.format(tree) if text is None or checker.rewritten else text
        if statement.takes_data:
            if tree["type"] != "InsertQuery" or not tree.get("format"):
                raise ClickHouseError(Code.SYNTAX_ERROR, "Syntax error: data follow a statement that takes none")
            if tree["format"] == "Values" and rows is None:
                values.without_expressions(tree)
            return self._from_file(tree) if rows is None else Checked(tree["type"], f"{text} {rows}")
        if tree["type"] == "InsertQuery" and not tree.get("select"):
            raise ClickHouseError(Code.SYNTAX_ERROR, "Syntax error: an INSERT without data")
        if beginning is not None:
            return self._without_tree(tree, text, beginning, default)
        return self._written(tree, text, default)

    def check_settings(self, given: Mapping[str, str], *, reader: bool) -> None:
        """Check settings that come beside a statement. Raises ClickHouseError."""
        for name, value in given.items():
            self._lists.settings.check(name, value, reader=reader)

    def external_table(self, name: str, structure: str | None, types: str, data_format: str) -> tuple[str, Checked]:
        """The statement that makes an external table, and the one that fills it from a file. Raises ClickHouseError."""
        checker = self._checker(reader=True)
        what = f"the external table {name}"
        tree = (
            columns.of_types(self._trees, types, what)
            if structure is None
            else columns.declared(self._trees, structure, what)
        )
        checker.tree(tree)
        table = {"type": "Identifier", "name": name}
        tree |= {"table": name, "table_ast": table}
        fill = {"type": "InsertQuery", "table": table, "format": checker.input_format(data_format)}
        return self._trees.format(tree), self._from_file(fill)

    def _tree(self, sql: str, reader: bool) -> tuple[Node, str | None, tuple[str, str] | None]:
        try:
            return *self._trees.parse_and_format(sql), None
        except NoTreeError as error:
            text = self._trees.single_line(sql)
            known = names.WITHOUT_TREE if reader else names.WITHOUT_TREE | names.CHANGES_WITHOUT_TREE
            for beginning, instead in known.items():
                if text.startswith(beginning):
                    select = instead + text.removeprefix(beginning)
                    return *self._trees.parse_and_format(select), (beginning, instead)
            raise ClickHouseError(
                Code.ACCESS_DENIED, f"{error.node} is closed: no such statement is run here"
            ) from None

    def _without_tree(self, tree: Node, text: str, beginning: tuple[str, str], default: str) -> Checked:
        text = beginning[0] + text.removeprefix(beginning[1])
        if self._trees.single_line(text) != text:
            raise ClickHouseError(Code.SYNTAX_ERROR, f"Syntax error after {beginning[0].strip()}")
        reads = beginning[0] not in names.CHANGES_WITHOUT_TREE
        return Checked(beginning[0].strip(), text, output_format=_named_format(tree) or default, reads=reads)

    def _written(self, tree: Node, text: str, default: str) -> Checked:
        kind, form = tree["type"], _named_format(tree) or default
        if kind == "SelectWithUnionQuery" and form not in NAMES["piecewise"]:
            tree |= {"format_ast": {"type": "Identifier", "name": form}, "out_file": _string(PATH)}
            before, after = self._around(tree)
            return Checked(kind, before, after, form, reads=True)
        keeps = kind in ("SetQuery", "UseQuery") or bool(tree.get("is_temporary"))
        without_format = None
        if kind == "SelectWithUnionQuery" and form == "Native":
            without_format = self._trees.format(_without_format(tree)) if _named_format(tree) else text
        return Checked(kind, text, None, form, kind in NAMES["reads"], keeps, without_format)

    def _from_file(self, insert: Node) -> Checked:
        before, after = self._around(insert | {"infile": _string(PATH)})
        return Checked("InsertQuery", before, after)

    def _around(self, tree: Node) -> tuple[str, str]:
        before, _, after = self._trees.format(tree).partition(literal(PATH))
        return before, after

    def _checker(self, reader: bool) -> Checker:
        looked_at: set[str] = set()

        def own_function(name: str) -> bool:
            if name in looked_at:  # functions may call one another
                return True
            looked_at.add(name)
            made = self._trees.lines(
                "SELECT replaceAll(create_query, '\\n', ' ') FROM system.functions"
                " WHERE name = {name:String} AND origin = 'SQLUserDefined'",
                name=name,
            )
            for create in made:  # checked when it was made; but a folder may be older than this guard
                before, checker.rewritten = checker.rewritten, False
                checker.tree(self._trees.parse(create))
                if checker.rewritten:
                    raise ClickHouseError(
                        Code.ACCESS_DENIED, f"The function {name} is older than this server: make it anew"
                    )
                checker.rewritten = before
            return bool(made)

        def own_view(name: str) -> bool:
            sql = "SELECT 1 FROM system.tables WHERE name = {name:String} AND engine = 'View' LIMIT 1"
            return bool(self._trees.lines(sql, name=name.rpartition(".")[2]))

        def structure(text: str) -> None:
            checker.tree(columns.declared(self._trees, text, "the table function (its first text)"))

        checker = Checker(self._lists, reader=reader, own_function=own_function, own_view=own_view, structure=structure)
        return checker


def _check_saving(statement: Statement, tree: Node) -> None:
    """Rows that came with the request, for the one table. Raises ClickHouseError."""
    has_rows = tree["type"] == "InsertQuery" and statement.takes_data and not statement.is_values
    if not has_rows or (tree.get("table") or {}).get("name") != SAVED:
        raise ClickHouseError(
            Code.ACCESS_DENIED, f"saving: Not enough privileges: only INSERT INTO {SAVED} FORMAT … with rows"
        )


def _string(value: str) -> Node:
    return {"type": "Literal", "value": {"field_type": "String", "value": value}}


def _named_format(tree: Node) -> str:
    return str((tree.get("format_ast") or {}).get("name", ""))


def _without_format(query: Node) -> Node:
    """A query without its FORMAT. SETTINGS behind it are moved to where they stand before a FORMAT: in the last SELECT."""
    bare = {name: value for name, value in query.items() if name not in ("format_ast", "settings_ast")}
    if not (settings := query.get("settings_ast")):
        return bare
    *others, last = bare["list_of_selects"]["children"]
    if last["type"] != "SelectQuery":
        raise ClickHouseError(Code.SYNTAX_ERROR, "Syntax error: SETTINGS of this query must stand before FORMAT Native")
    changes = last.get("settings", {}).get("changes", []) + settings["changes"]
    last = last | {"settings": settings | {"changes": changes}}
    return bare | {"list_of_selects": bare["list_of_selects"] | {"children": [*others, last]}}


def _name_as_the_engine(node: Any, own_id: Callable[[str], str | None]) -> None:
    # clients name a query by the id that they gave it, the engine by one of its own
    if isinstance(node, dict):
        value = node.get("value")
        if node.get("field_type") == "String" and isinstance(value, str):
            node["value"] = own_id(value) or value
        for below in node.values():
            _name_as_the_engine(below, own_id)
    elif isinstance(node, list):
        for item in node:
            _name_as_the_engine(item, own_id)
