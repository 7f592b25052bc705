"""The rows of INSERT … VALUES: literals go to the engine as they came; expressions are parsed, checked and written anew.

The engine reads a row of VALUES as literals first and as SQL expressions else. For rows of literals expressions are
switched off, so it does not matter what a row looks like to the pattern below.
"""

import re
import secrets
from pathlib import Path
from typing import BinaryIO, Final

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.check import Checker
from sidecar.embedded.guard.tree import LONGEST_QUERY, Node, Trees

LITERALS: Final = re.compile(
    rb"(?:'(?:[^'\\]|\\.|'')*+'|[\d.,()\[\]{}:\s]|(?<=[,(\[:eE\s])[-+]|(?<=[\d.])[eE](?=[-+\d])|\b(?:null|true|false|nan|inf)\b)*+",
    re.I | re.S,
)
MAP_MARKS: Final = re.compile(r"'(?:[^'\\]|\\.|'')*+'|(?P<map>\{(?=\s*['\d}+-]))|[{}:]", re.S)
# The engine leaves out without a word what stands behind a semicolon: whole texts and what is between them, then a text
# that goes on behind the window.
WINDOW: Final = re.compile(
    rb"(?:[^';]++|'(?:[^'\\]++|\\.|'')*+')*+(?P<open>'(?:[^'\\]++|\\.|'')*+(?P<escape>\\?))?", re.S
)
WINDOW_SIZE: Final = 64 << 10  # a match holds the interpreter's lock
LONG_NUMBER: Final = re.compile(rb"'(?:[^'\\]|\\.|'')*+'|(?P<minus>-?)\b(?P<digits>\d[\d.]{17,})", re.S)
# Both: the second one alone evaluates calls of a shape that it has seen.
ONLY_LITERALS: Final = (
    "input_format_values_interpret_expressions",
    "input_format_values_deduce_templates_of_expressions",
)


def expressions(trees: Trees, checker: Checker, path: Path, *, literals: bool = True) -> str | None:
    """The rows as the engine formats them, when some need evaluating and all may run; None for rows of literals.

    Without `literals` these are evaluated, too: 1 for a column of texts is an expression to the engine. Raises
    ClickHouseError for what may not run.
    """
    size = path.stat().st_size
    if size == 0:
        return None
    with path.open("rb") as file:
        if not is_one_statement(file):
            raise ClickHouseError(
                Code.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed): ';' between values"
            )
        if size > LONGEST_QUERY:  # longer ones can only be literals
            return None
        file.seek(0)
        data = file.read()
    if literals and LITERALS.fullmatch(data):
        return None
    try:
        tree = trees.parse(f"SELECT {_with_map_calls(data.decode())}")
        select = _only_select(tree)
    except (ClickHouseError, UnicodeDecodeError):
        return None  # no expressions: the engine says what is wrong with it
    if select is None:
        return None
    checker.tree(tree)
    if any(map(_loses_digits, LONG_NUMBER.finditer(data))):
        raise ClickHouseError(
            Code.BAD_ARGUMENTS,
            "A number of more than 17 digits beside an expression would lose digits: write it as '…'",
        )
    row = f"row{secrets.token_hex(16)}"
    select["children"] = [_row(row, cells) for cells in select["children"]]
    text = trees.format(tree).removeprefix("SELECT ")
    return text.replace(f"{row}(", "(")


def is_one_statement(rows: BinaryIO, window: int = WINDOW_SIZE) -> bool:
    """Whether no semicolon stands outside of a text and every text ends, but for a quote alone at the very end."""
    before, alone = b"", False  # what the window's beginning depends on, as the shortest text that does the same
    while piece := rows.read(window):
        found = WINDOW.fullmatch(before + piece)
        if found is None:
            return False
        match found["open"]:
            case None:  # a quote may end a text, or be the first of two that stand for one
                before, alone = b"''" if piece.endswith(b"'") else b"", False
            case begun:
                before, alone = b"'" + found["escape"], begun == b"'"
    return before in (b"", b"''") or alone


def without_expressions(tree: Node) -> None:
    """Have an INSERT read literals only."""
    settings = tree.setdefault("settings_ast", {"type": "SetQuery", "changes": []})
    kept = [change for change in settings.get("changes", ()) if change["name"] not in ONLY_LITERALS]
    zero = {"field_type": "UInt64", "value": 0}
    settings["changes"] = kept + [{"name": name, "value": zero} for name in ONLY_LITERALS]


def _with_map_calls(rows: str) -> str:
    """Rows with {'key': value} as map('key', value): SQL has no such literal, VALUES have. A {name:Type} stays."""
    opened: list[bool] = []

    def other(mark: re.Match[str]) -> str:
        if mark["map"] is not None:
            opened.append(True)
            return "map("
        match mark[0]:
            case "{":
                opened.append(False)
            case ":" if opened and opened[-1]:
                return ","
            case "}" if opened and opened.pop():
                return ")"
        return mark[0]

    return MAP_MARKS.sub(other, rows)


def _only_select(tree: Node) -> Node | None:
    # SELECT and a list of expressions, without a table, a condition or a second SELECT
    selects = tree.get("list_of_selects", {}).get("children", ())
    given = {key for select in selects for key, value in select.items() if value}
    outer = {key for key, value in tree.items() if value}
    if len(selects) != 1 or given != {"type", "select"} or outer != {"type", "list_of_selects", "union_mode"}:
        return None
    found: Node = selects[0]["select"]
    return found


def _row(name: str, node: Node) -> Node:
    if node["type"] == "Function" and node["name"] == "tuple" and node.get("is_operator"):
        cells = node["arguments"]["children"]
    elif node["type"] == "Literal" and node["value"].get("field_type") == "Tuple":
        cells = [{"type": "Literal", "value": value} for value in node["value"]["value"]]
    else:
        cells = [node]
    return {"type": "Function", "name": name, "arguments": {"type": "ExpressionList", "children": cells}}


def _loses_digits(number: re.Match[bytes]) -> bool:
    # SQL reads what is no 64-bit integer as a floating-point number
    digits = number["digits"]
    if digits is None:  # a text
        return False
    return b"." in digits or int(digits) > (1 << 63 if number["minus"] else (1 << 64) - 1)
