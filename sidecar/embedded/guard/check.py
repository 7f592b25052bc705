"""Whether a tree may run: every node, function, engine, format and setting in it must stand in a list of what is allowed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard import names
from sidecar.embedded.guard.lists import Lists
from sidecar.embedded.guard.names import NAMES, NODES, PARTS, ROLES
from sidecar.embedded.guard.tree import Node, aliases, text_of


def _folded(listed: frozenset[str]) -> frozenset[str]:
    return frozenset(map(str.casefold, listed))


ALLOWED = _folded(names.functions())
TABLE_FUNCTIONS = _folded(NAMES["table_functions"])
# What a name may be under a role, case-folded.
NAMES_BY_ROLE = {
    "engine": _folded(NAMES["engines"] | NAMES["database_engines"]),
    "codec": _folded(NAMES["codecs"]),
    "index": _folded(NAMES["indices"]),
    "statistics": _folded(NAMES["statistics"]),
    "projection index": frozenset({"basic"}),
}
TOKENIZERS = _folded(NAMES["tokenizers"])
# A first text of values() is its columns to the engine when it can be read as that, with defaults that are evaluated. One
# word can't; any other has to be checked as columns, as nobody but the engine knows how it reads it.
WORD = re.compile(r"[\w.-]*")
# A table that was detached, by its name alone: a definition could name the files of another.
ATTACHED = names.words("type attach table table_ast database database_ast if_not_exists")


@dataclass(slots=True)
class Checker:
    """Checks trees for one user. `own_function` checks the body of a function that SQL made; False: there is none.
    `own_view` tells whether there is such a view, `structure` checks a declaration of columns.

    `rewritten` becomes True when a tree has been changed, so that its statement has to be written anew.
    """

    lists: Lists
    reader: bool
    own_function: Callable[[str], bool]
    own_view: Callable[[str], bool]
    structure: Callable[[str], None]
    rewritten: bool = False
    _aliases: set[str] = field(default_factory=set)

    def statement(self, tree: Node) -> None:
        """Check a whole statement. Raises ClickHouseError that names what is not allowed."""
        kind = tree["type"]
        if kind not in NAMES["reads"] | NAMES["writes"]:
            raise _denied(f"{kind} is closed: no such statement is run here")
        if self.reader and kind not in NAMES["reads"]:
            raise ClickHouseError(Code.READONLY, "readonly: Cannot execute query in readonly mode.")
        self.tree(tree)

    def tree(self, tree: Node) -> None:
        """Check a tree, or a part of one. Raises ClickHouseError that names what is not allowed."""
        self._aliases.update(aliases(tree))
        self._node(tree, "")

    def _node(self, node: Node, role: str) -> None:
        kind = node["type"]
        allowed = NODES.get(kind)
        if allowed is None:
            raise _denied(f"{kind} is closed: it is not among the kinds of expression that are known to be harmless")
        _check_keys(kind, node, allowed | {"type"})
        self._judge(kind, node, role)
        for key, value in node.items():
            below = ROLES.get((kind, key), role if kind == "ExpressionList" else "")
            if below == "values":
                continue
            if kind == "Function":
                below = {"codec": "codec", "index": "index option", "index option": "index option"}.get(role, "")
            self._inside(kind, value, below)

    def _inside(self, kind: str, value: Any, role: str) -> None:
        if isinstance(value, list):
            for item in value:
                self._inside(kind, item, role)
        elif isinstance(value, dict) and "type" in value:
            self._node(value, role)
        elif isinstance(value, dict):
            _check_keys(kind, value, PARTS.get(kind, ()))
            for part in value.values():
                self._inside("", part, "")

    def _judge(self, kind: str, node: Node, role: str) -> None:
        match kind:
            case "Function":
                self._called(node, role)
            case "ColumnsApplyTransformer" if node.get("func_name"):
                self._function(node["func_name"])
            case "DataType" | "TupleDataType" | "EnumDataType":
                if node["name"].casefold() not in self.lists.types:
                    raise ClickHouseError(Code.UNKNOWN_TYPE, f"Unknown data type {node['name']}")
            case "SetQuery" if role != "explain settings":
                self._settings(node, role)
            case "Identifier" if role == "table settings":
                self.lists.settings.check_of_table(node["name"], "", reader=self.reader)
            case "CreateQuery" if node.get("attach"):
                _check_keys("ATTACH TABLE", node, ATTACHED)
            case "InsertQuery" | "ExplainQuery" | "AlterCommand" | "SystemQuery" | "KillQueryQuery" | "SQLSecurity":
                self._command(kind, node)
        if node.get("format_ast"):
            node["format_ast"]["name"] = self.output_format(node["format_ast"].get("name", ""))

    def _command(self, kind: str, node: Node) -> None:
        key, allowed = {
            "ExplainQuery": ("kind", names.EXPLAINS),
            "AlterCommand": ("command_type", NAMES["alters"]),
            "SystemQuery": ("query_type", NAMES["commands"]),
            "KillQueryQuery": ("kill_type", frozenset({"Query", "Mutation"})),
            "SQLSecurity": ("security_type", frozenset({"INVOKER", "DEFINER"})),
            "InsertQuery": ("format", None),
        }[kind]
        word = node.get(key, "")
        if allowed is None:
            if word:
                node[key] = self.input_format(word)
        elif word not in allowed:
            raise _denied(f"{word.replace('_', ' ')} is closed: what it does is not for clients")
        if kind == "AlterCommand" and node.get("move_destination_type") not in (None, "", "TABLE"):
            raise _denied("A partition can be moved to a table only")
        if kind == "ExplainQuery" and self.reader and node.get("query", {}).get("type") not in NAMES["reads"]:
            raise ClickHouseError(Code.READONLY, "readonly: Cannot execute query in readonly mode.")

    def _settings(self, node: Node, role: str) -> None:
        check = self.lists.settings.check_of_table if role == "table settings" else self.lists.settings.check
        for change in node.get("changes") or ():
            check(change["name"], change["value"].get("value"), reader=self.reader)
        for name in node.get("default_settings") or ():
            check(name, "string", reader=self.reader)

    def _called(self, node: Node, role: str) -> None:
        name = node["name"]
        if role == "table function":
            self._table_function(node)
        elif role in NAMES_BY_ROLE:
            if name.casefold() not in NAMES_BY_ROLE[role]:
                raise _denied(f"{name} is closed: it is not among the kinds of {role} that reach nothing outside")
        elif not (role == "index option" and name.casefold() in TOKENIZERS):
            self._function(name)

    def _function(self, name: str) -> None:
        folded = name.casefold()
        if folded in ALLOWED or self._aggregate(folded):
            return
        if folded in self.lists.functions:
            raise _denied(f"{name}() is closed: it reaches outside the database, or is for the engine's own use")
        if name not in self._aliases and not self.own_function(name):  # a lambda with a name is called like a function
            raise ClickHouseError(Code.UNKNOWN_FUNCTION, f"Function with name `{name}` does not exist")

    def _aggregate(self, name: str) -> bool:
        """Whether it is an aggregate function with combinators: sumIf, uniqState, sumMergeStateForEach."""
        for combinator in self.lists.combinators:
            base = name.removesuffix(combinator)
            if base != name and ((base in self.lists.aggregates and base in ALLOWED) or self._aggregate(base)):
                return True
        return False

    def _table_function(self, node: Node) -> None:
        name = node["name"].casefold()
        if name == "input":
            raise ClickHouseError(
                Code.NOT_IMPLEMENTED, "input() is not supported: insert into the table with FORMAT instead"
            )
        if name not in self.lists.table_functions and self.own_view(node["name"]):  # a view with parameters
            return
        if name not in TABLE_FUNCTIONS:
            raise _denied(f"The table function {node['name']} is closed: nothing outside the database can be read")
        arguments = (node.get("arguments") or {}).get("children") or []
        if name == "format" and arguments:
            arguments[0] = self._format_of_text(arguments[0])
        if name == "viewexplain" and text_of(arguments[0] if arguments else {}) not in names.EXPLAINS:
            raise _denied("viewExplain is closed for this kind of EXPLAIN")
        at, fewest = names.STRUCTURES.get(name, (0, 0))
        if fewest and len(arguments) >= fewest:
            self._declared(name, arguments[at])

    def _format_of_text(self, argument: Node) -> Node:
        if argument["type"] not in ("Identifier", "Literal"):
            raise _denied("format() takes its format as a name only")
        name = self.input_format(argument.get("name") or text_of(argument) or "")
        if argument["type"] == "Literal":
            return argument
        self.rewritten = True  # an alias or a function's argument of this name would stand for another format
        return {"type": "Literal", "value": {"field_type": "String", "value": name}}

    def _declared(self, name: str, argument: Node) -> None:
        text = text_of(argument)
        if text is not None:
            if name != "values" or not WORD.fullmatch(text):
                self.structure(text)
            return
        call = argument["name"] if name == "values" and argument["type"] == "Function" else ""
        if argument["type"] != "Literal" and call not in ("tuple", "array"):
            raise _denied(f"{name}() takes its columns as a literal only")

    def output_format(self, name: str) -> str:
        """A format for answers by the engine's own name. Raises ClickHouseError (73) for others."""
        return _format(name, self.lists.output_formats)

    def input_format(self, name: str) -> str:
        """A format for data by the engine's own name. Raises ClickHouseError (73) for others."""
        return _format(name, self.lists.input_formats)


def _format(name: str, known: dict[str, str]) -> str:
    found = known.get(name.casefold())
    if found is None:
        raise ClickHouseError(Code.UNKNOWN_FORMAT, f"Unknown format {name}")
    if found not in NAMES["formats"]:
        reason = names.REFUSED_FORMATS.get(found, "is not among those that are known to reach nothing outside")
        raise _denied(f"The format {found} is closed: it {reason}")
    return found


def _check_keys(kind: str, node: Node, allowed: Iterable[str]) -> None:
    for key, value in node.items():
        if value not in (False, None, "") and key not in allowed:
            raise _denied(f"{kind}: {key.replace('_', ' ')} is closed, as it is not known to reach nothing outside")


def _denied(message: str) -> ClickHouseError:
    return ClickHouseError(Code.ACCESS_DENIED, message)
