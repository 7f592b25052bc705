"""Statements as trees: parsing and formatting by the engine's own functions, which take a text as a value and run none.

`parseQueryToJSON` gives the whole tree of one statement (several are a syntax error), `formatQueryFromJSON` makes a
statement of a tree. A text that runs is made of a tree that was checked, and is parsed again: it must give that tree.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from sidecar.embedded.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, QUERY_IS_TOO_LARGE, SYNTAX_ERROR, ClickHouseError

Node = dict[str, Any]

LONGEST_QUERY: Final = 256 << 10  # a server's default, too
LIMITS: Final = f"SET max_query_size = {2 * LONGEST_QUERY}, max_execution_time = 30"
# The engine takes trees of up to 1,000 levels, each of which is three of JSON.
DEPTH: Final = 12_000
SCOPE: Final = re.compile(r": In scope SELECT (?:parse|format)Query.*(?=\. \([A-Z_]+\)\s*$)", re.S)
NO_TREE: Final = re.compile(r"AST node of type '([^']+)' does not support JSON serialization")
INLINE_DATA: Final = "INSERT with inline data is not supported"
# How an operator was spelt; a formatted statement spells it as a function.
SPELLING: Final = frozenset({"is_operator", "is_compound_name"})


class NoTreeError(ClickHouseError):
    """The engine's parser took the statement, but shows no tree of it; `node` is the kind at fault."""

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(BAD_ARGUMENTS, f"{node}: the engine shows no tree of such a statement, so it is not run")


class Trees:
    """Parses and formats on connections of its own. Methods block."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        sys.setrecursionlimit(max(sys.getrecursionlimit(), DEPTH))

    def parse(self, sql: str) -> Node:
        """The tree of one statement. Raises ClickHouseError (NoTreeError when the engine shows none)."""
        if len(sql) > LONGEST_QUERY:
            raise ClickHouseError(QUERY_IS_TOO_LARGE, f"The query is longer than {LONGEST_QUERY} bytes: use parameters")
        return self._parse(sql)

    def _parse(self, sql: str) -> Node:
        tree: Node = json.loads(self._ask("SELECT parseQueryToJSON(unhex({a:String}))", sql))
        return tree

    def format(self, tree: Node) -> str:
        """The statement of a tree, on one line. Raises ClickHouseError when its own tree would be another."""
        sql = self._ask("SELECT formatQueryFromJSON(unhex({a:String}))", json.dumps(tree, ensure_ascii=False))
        # a byte that is no UTF-8 stands in a literal or a quoted name, where an escape says the same
        sql = re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", sql)
        if _plain(self._parse(sql)) != _plain(tree):
            raise ClickHouseError(
                SYNTAX_ERROR, "The engine's formatter changes the meaning of this statement: write it another way"
            )
        return sql

    def single_line(self, sql: str) -> str:
        """A statement as the engine formats it, for those that it shows no tree of."""
        return self._ask("SELECT formatQuerySingleLine(unhex({a:String}))", sql)

    def lines(self, sql: str, **parameters: str) -> list[str]:
        """Rows of a query of ours, one string each."""
        connection = self._connect()
        try:
            rows: bytes = connection.query(sql, "TabSeparatedRaw", parameters).bytes() or b""
            return rows.decode().splitlines()
        finally:
            connection.close()

    def _ask(self, question: str, text: str) -> str:
        connection = self._connect()
        try:
            connection.query(LIMITS)
            argument = text.encode("utf-8", "surrogateescape").hex()
            answer: bytes = connection.query(question, "TabSeparatedRaw", {"a": argument}).bytes() or b""
        except Exception as error:
            raise _readable(ClickHouseError.from_engine(error)) from None
        finally:
            connection.close()
        return answer.decode("utf-8", "surrogateescape").removesuffix("\n")


def _plain(node: Any) -> Any:
    """A tree without what is only spelling, and without what is not set."""
    if isinstance(node, dict):
        told = {key: value for key, value in node.items() if value is not False and value != "" and value is not None}
        return {key: _plain(value) for key, value in told.items() if key not in SPELLING}
    return [_plain(value) for value in node] if isinstance(node, list) else node


def _readable(error: ClickHouseError) -> ClickHouseError:
    if found := NO_TREE.search(error.message):
        return NoTreeError(found[1])
    if INLINE_DATA in error.message:
        return ClickHouseError(
            NOT_IMPLEMENTED, "input() is not supported: insert into the table with FORMAT, and the data behind it"
        )
    return ClickHouseError(error.code, SCOPE.sub("", error.message))
