"""Statements as trees: parsing and formatting by the engine's own functions, which take a text as a value and run none.

`parseQueryToJSON` gives the whole tree of one statement (several are a syntax error), `formatQueryFromJSON` makes a
statement of a tree. A text that runs is made of a tree that was checked, and is parsed again: it must give that tree.
"""

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Final

from sidecar.embedded.errors import ClickHouseError, Code

Node = dict[str, Any]

LONGEST_QUERY: Final = 256 << 10  # a server's default, too
LIMITS: Final = f"SET max_query_size = {2 * LONGEST_QUERY}, max_execution_time = 30"
# Texts go in and out as hexadecimal digits, which no format has to escape.
PARSE: Final = "SELECT hex(parseQueryToJSON(unhex({a:String})))"
FORMAT: Final = "SELECT hex(formatQueryFromJSON(unhex({a:String})) AS text), hex(parseQueryToJSON(text))"
BOTH: Final = (
    "SELECT hex(parseQueryToJSON(unhex({a:String})) AS tree), hex(formatQueryFromJSON(tree) AS text),"
    " hex(parseQueryToJSON(text))"
)
SINGLE_LINE: Final = "SELECT hex(formatQuerySingleLine(unhex({a:String})))"
# The engine takes trees of up to 1,000 levels, each of which is three of JSON.
DEPTH: Final = 12_000
SCOPE: Final = re.compile(r": In scope SELECT hex\((?:parse|format)Query.*(?=\. \([A-Z_]+\)\s*$)", re.S)
NO_TREE: Final = re.compile(r"AST node of type '([^']+)' does not support JSON serialization")
INLINE_DATA: Final = "INSERT with inline data is not supported"
# How an operator was spelt; a formatted statement spells it as a function.
SPELLING: Final = frozenset({"is_operator", "is_compound_name"})


class NoTreeError(ClickHouseError):
    """The engine's parser took the statement, but shows no tree of it; `node` is the kind at fault."""

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(Code.BAD_ARGUMENTS, f"{node}: the engine shows no tree of such a statement, so it is not run")


class Trees:
    """Parses and formats on connections that are kept for it. Methods block."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._idle: SimpleQueue[Any] = SimpleQueue()
        sys.setrecursionlimit(max(sys.getrecursionlimit(), DEPTH))

    def close(self) -> None:
        """Close the connections that are kept."""
        with contextlib.suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def parse(self, sql: str) -> Node:
        """The tree of one statement. Raises ClickHouseError (NoTreeError when the engine shows none)."""
        (tree,) = self._ask(PARSE, _bounded(sql))
        return _loaded(tree)

    def parse_and_format(self, sql: str) -> tuple[Node, str | None]:
        """The tree of one statement and the statement of that tree, as `parse` and `format` give them at less cost.

        None: the engine can't format it, and `format` says why; the tree may be looked at before.
        """
        try:
            tree, text, again = self._ask(BOTH, _bounded(sql))
        except ClickHouseError:
            return self.parse(sql), None
        loaded = _loaded(tree)
        return loaded, self._same(loaded, text, again)

    def format(self, tree: Node) -> str:
        """The statement of a tree, on one line. Raises ClickHouseError when its own tree would be another."""
        text, again = self._ask(FORMAT, json.dumps(tree, ensure_ascii=False))
        return self._same(tree, text, again)

    def _same(self, tree: Node, text: str, again: str) -> str:
        # a byte that is no UTF-8 stands in a literal or a quoted name, where an escape says the same
        escaped = re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", text)
        if escaped != text:
            (again,) = self._ask(PARSE, escaped)
        if _plain(_loaded(again)) != _plain(tree):
            raise ClickHouseError(
                Code.SYNTAX_ERROR, "The engine's formatter changes the meaning of this statement: write it another way"
            )
        return escaped

    def single_line(self, sql: str) -> str:
        """A statement as the engine formats it, for those that it shows no tree of."""
        (text,) = self._ask(SINGLE_LINE, sql)
        return text

    def lines(self, sql: str, **parameters: str) -> list[str]:
        """Rows of a query of ours, one string each."""
        with self._connection() as connection:
            rows: bytes = connection.query(sql, "TabSeparatedRaw", parameters).bytes() or b""
            return rows.decode().splitlines()

    def _ask(self, question: str, text: str) -> list[str]:
        argument = text.encode("utf-8", "surrogateescape").hex()
        try:
            with self._connection() as connection:
                answer: bytes = connection.query(question, "TabSeparated", {"a": argument}).bytes() or b""
        except Exception as error:
            raise _readable(ClickHouseError.from_engine(error)) from None
        return [bytes.fromhex(column).decode("utf-8", "surrogateescape") for column in answer.decode().split()]

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
            connection.query(LIMITS)
        try:
            yield connection
        finally:
            self._idle.put(connection)


def aliases(tree: Node) -> Iterator[str]:
    """The aliases that a tree gives, at any depth."""
    left: list[Any] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if "alias" in node:
                yield node["alias"]
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def text_of(node: Node) -> str | None:
    """The text that a literal holds; None for any other node."""
    value = node.get("value")
    if node.get("type") != "Literal" or not isinstance(value, dict) or value.get("field_type") != "String":
        return None
    return str(value["value"])


def _bounded(sql: str) -> str:
    if len(sql) > LONGEST_QUERY:
        raise ClickHouseError(
            Code.QUERY_IS_TOO_LARGE, f"The query is longer than {LONGEST_QUERY} bytes: use parameters"
        )
    return sql


def _loaded(text: str) -> Node:
    try:
        tree: Node = json.loads(text)
    except RecursionError:
        raise ClickHouseError(Code.TOO_DEEP_RECURSION, "The statement is nested too deep") from None
    return tree


def _plain(node: Any) -> Any:
    """A tree without what is only spelling, and without what is not set."""
    if isinstance(node, dict):
        given = {key: value for key, value in node.items() if value is not False and value != "" and value is not None}
        return {key: _plain(value) for key, value in given.items() if key not in SPELLING}
    return [_plain(value) for value in node] if isinstance(node, list) else node


def _readable(error: ClickHouseError) -> ClickHouseError:
    if found := NO_TREE.search(error.message):
        return NoTreeError(found[1])
    if INLINE_DATA in error.message:
        return ClickHouseError(
            Code.NOT_IMPLEMENTED, "input() is not supported: insert into the table with FORMAT, and the data behind it"
        )
    return ClickHouseError(error.code, SCOPE.sub("", error.message))
