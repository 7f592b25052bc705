"""What a statement may name, read from allowed.toml and functions.txt. What stands in no list is refused."""

import tomllib
from pathlib import Path
from typing import Any, Final

LIST: Final = Path(__file__).with_name("functions.txt")
ALLOWED: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("allowed.toml").read_text())


def words(text: str) -> frozenset[str]:
    """A set of names, written as a text."""
    return frozenset(text.split())


def listed(table: str) -> dict[str, frozenset[str]]:
    """The lists of a table of allowed.toml."""
    return {name: words(text) for name, text in ALLOWED[table].items()}


NAMES: Final = listed("names")
REFUSED: Final = listed("refused_functions")
REFUSED_FORMATS: Final[dict[str, str]] = ALLOWED["refused_formats"]
# Their argument that declares columns, where there is one: (position, fewest arguments that there must be for it).
STRUCTURES: Final = {"values": (0, 2), "null": (0, 1), "generaterandom": (0, 1), "format": (1, 3)}

# Statements that the engine shows no tree of: how each begins when it has formatted it, and a beginning that makes a
# SELECT of the rest, whose tree shows that. What begins with another word is a statement that nobody may run.
WITHOUT_TREE: Final = {
    **dict.fromkeys(("DESCRIBE TABLE ", "EXISTS TABLE ", "EXISTS VIEW ", "EXISTS DATABASE "), "SELECT * FROM "),
    **dict.fromkeys(("SHOW CREATE TABLE ", "SHOW CREATE VIEW ", "SHOW CREATE DATABASE "), "SELECT * FROM "),
    **dict.fromkeys(("EXISTS TEMPORARY TABLE ", "SHOW CREATE TEMPORARY TABLE "), "SELECT * FROM "),
    **dict.fromkeys(("SHOW PROCESSLIST", "SHOW GRANTS", "SHOW ENGINES", "SHOW PRIVILEGES"), "SELECT 1"),
    **dict.fromkeys(("SHOW FUNCTIONS", "SHOW CURRENT ROLES", "SHOW ENABLED ROLES"), "SELECT 1"),
    "SHOW SETTING ": "SELECT ",
}
CHANGES_WITHOUT_TREE: Final = dict.fromkeys(
    ("DROP FUNCTION IF EXISTS ", "DROP FUNCTION ", "UNDROP TABLE "), "SELECT * FROM "
)

EXPLAINS: Final = frozenset({
    "EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN QUERY TREE", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE",
})  # fmt: skip


def functions() -> frozenset[str]:
    """The functions that may be called, aggregates without combinators."""
    lines = LIST.read_text().splitlines()
    return words(" ".join(line for line in lines if not line.startswith("#"))) | NAMES["syntax"]
